"""A teacher behind a vLLM server: its likeliest words at each place of a response (`prompt_logprobs`), and a bucket for the others.

The divergence is then taken over these words and the bucket, for both models alike. By the data processing inequality it is never
more than that over the whole vocabulary, and it is equal where the words are all there are.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from storage.errors import ModelServerError, TrainingError
from train_stages.rl.vllm_http import call, root_of, served_name

if TYPE_CHECKING:
    from torch import Tensor

LEAST = 1e-6
"""Probability of the bucket at least: what float32 loses when nearly all of it lies in the words."""
NOTHING = -60.0
"""Logarithm of a probability that counts for nothing, and still has a logarithm in a mixture."""
MORE_WORDS = "start the server with --max-logprobs 100, say, or lower teacher_words"


class ServedTeacher:
    """Asks a server what a teacher thinks of responses.

    Args:
        endpoint: Address of the server.
        words: Likeliest words at each place; -1 takes the whole vocabulary.

    Raises:
        ModelServerError: The server cannot be reached.
    """

    def __init__(self, endpoint: str, words: int) -> None:
        self._endpoint, self._words = root_of(endpoint), words
        self.name = served_name(endpoint)

    def check_tokens(self, tokenizer: Any, texts: Sequence[str]) -> None:
        """Check that the server reads texts as the model does.

        Raises:
            TrainingError: It reads one otherwise.
            ModelServerError: It cannot be reached.
        """
        for text in texts:
            body = {"model": self.name, "prompt": text, "add_special_tokens": False}
            theirs = call(f"{self._endpoint}/tokenize", body)["tokens"]
            if list(theirs) != list(tokenizer(text, add_special_tokens=False)["input_ids"]):
                raise TrainingError(
                    f"distil: the teacher {self.name} behind {self._endpoint} has another tokenizer; token by token only a "
                    f"model of the same family can teach: serve one, or let this one write rows for sft"
                )

    def look(self, rows: Sequence[Sequence[int]], starts: Sequence[int]) -> list[list[dict[int, float]]]:
        """Return what the teacher thinks of each token of responses: words and their log-probabilities at each place.

        The token that stands there is among them.

        Args:
            rows: Questions and responses, as tokens.
            starts: Where in each the response begins.

        Raises:
            ModelServerError: The server cannot be reached, or gives fewer words than are asked.
        """
        body = {
            "model": self.name,
            "prompt": [list(row) for row in rows],
            "max_tokens": 1,
            "temperature": 0,
            "prompt_logprobs": self._words,
            "add_special_tokens": False,
        }
        choices = sorted(
            call(f"{self._endpoint}/v1/completions", body)["choices"], key=lambda choice: int(choice["index"])
        )
        looks = []
        for row, start, choice in zip(rows, starts, choices, strict=True):
            given = choice.get("prompt_logprobs") or []
            if len(given) != len(row):
                raise ModelServerError(f"{self._endpoint} said nothing of {len(row) - len(given)} tokens; {MORE_WORDS}")
            looks.append([{int(word): float(one["logprob"]) for word, one in place.items()} for place in given[start:]])
        return looks


def over_words(logps: "Tensor", looks: Sequence[Sequence[dict[int, float]]]) -> tuple["Tensor", "Tensor"]:
    """Return both distributions over the teacher's words and one bucket for all others.

    Args:
        logps: `[B, T, V]`, logarithms, by the model.
        looks: What the teacher thinks, for each response, which may be shorter than `T`; places without a look are equal.

    Returns:
        Logarithms `[B, T, W + 1]`, by the model and by the teacher; `W` is the most words of a place, and where there are fewer the
        rest has probability 0 by both.
    """
    import torch

    most = max((len(place) for look in looks for place in look), default=1)
    ids = torch.zeros(*logps.shape[:2], most, dtype=torch.long)
    taught = torch.full((*logps.shape[:2], most), -torch.inf)
    for row, look in enumerate(looks):
        for at, place in enumerate(look):
            ids[row, at, : len(place)] = torch.tensor(list(place))
            taught[row, at, : len(place)] = torch.tensor(list(place.values())).clamp(min=NOTHING)
    taught = taught.to(logps.device, logps.dtype)
    there = torch.isfinite(taught)
    own = torch.where(there, logps.gather(2, ids.to(logps.device)), -torch.inf)
    return _with_bucket(own, there), _with_bucket(taught, there)


def _with_bucket(logps: "Tensor", there: "Tensor") -> "Tensor":
    """Append what is left; words that are not there count for nothing, alike in both distributions."""
    import torch

    left = (1 - logps.exp().sum(-1, keepdim=True)).clamp(min=LEAST).log()
    return torch.cat([torch.where(there, logps, NOTHING), left], dim=-1)
