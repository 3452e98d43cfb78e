"""What a model that writes thinks of a response: how likely it says Yes when asked whether the answer is right."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from train_stages.rewards.base import Ask, Response, Reward, Scoring

QUESTION = "Problem:\n{problem}\n\nAnswer:\n{answer}\n\nIs the answer correct (Yes/No)?"
"""Section 4.1 of the paper."""
WORDS = ("Yes", "No")


class Judge(Reward):
    """The probability of Yes against No, 0 to 1, by a checkpoint that is asked whether the answer is right, without reasons.

    A checker must stand beside it, whose weight may be 0: where the two part, the model has learned to please the judge.
    """

    name: ClassVar[str] = "judge"
    paper: ClassVar[str] = "arXiv:2408.15240"

    model: str = Field(
        default="incumbent",
        min_length=1,
        description="The judge, as `from` names a checkpoint: an earlier stage, `student`, `incumbent`, an id, a folder.",
    )
    at_once: int = Field(default=8, gt=0, description="Responses that it reads at once; ours.")
    most_tokens: int = Field(
        default=4096, gt=0, description="Longest question; a response that makes it longer earns nothing. Ours."
    )

    @property
    def models(self) -> tuple[str, ...]:
        """The judge."""
        return (self.model,)

    def prepared(self, models: Mapping[str, Path], ask: Ask) -> Scoring:
        """Return what lets the judge score responses; it is loaded when it is first asked."""
        loaded: list[tuple[Any, Any]] = []

        def score(responses: Sequence[Response]) -> list[float | None]:
            if not loaded:
                loaded.append(_load(models[self.model]))
            model, tokenizer = loaded[0]
            asked = [_question(tokenizer, ask(response.problem), response.text) for response in responses]
            scores: list[float | None] = [None] * len(asked)
            fitting = [number for number, ids in enumerate(asked) if len(ids) <= self.most_tokens]
            fitting.sort(key=lambda number: len(asked[number]))
            for start in range(0, len(fitting), self.at_once):
                part = fitting[start : start + self.at_once]
                for number, chance in zip(part, _chances(model, tokenizer, [asked[n] for n in part]), strict=True):
                    scores[number] = chance
            return scores

        return score


def _load(path: Path) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from storage.models.adapters import whole

    gpu = torch.cuda.is_available()
    model = AutoModelForCausalLM.from_pretrained(
        str(whole(path)), dtype=torch.bfloat16 if gpu else torch.float32, local_files_only=True
    )
    return model.to("cuda" if gpu else "cpu").eval(), AutoTokenizer.from_pretrained(str(path), local_files_only=True)


def _question(tokenizer: Any, chat: Sequence[Mapping[str, str]], answer: str) -> list[int]:
    """The tokens of a question about an answer."""
    problem = "\n".join(turn["content"] for turn in chat if turn["role"] == "user")
    text = QUESTION.format(problem=problem, answer=answer)
    rendered = tokenizer.apply_chat_template(
        [{"role": "user", "content": text}], add_generation_prompt=True, tokenize=False
    )
    return list(tokenizer(rendered, add_special_tokens=False)["input_ids"])


def _chances(model: Any, tokenizer: Any, asked: Sequence[Sequence[int]]) -> list[float]:
    """How likely Yes is, against No, as the next token of each."""
    import torch

    longest = max(map(len, asked))
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id or 0
    ids = torch.tensor([[*tokens, *[pad] * (longest - len(tokens))] for tokens in asked], device=model.device)
    mask = torch.tensor([[1] * len(tokens) + [0] * (longest - len(tokens)) for tokens in asked], device=model.device)
    words = [tokenizer(word, add_special_tokens=False)["input_ids"][0] for word in WORDS]
    with torch.inference_mode():
        logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits
    last = torch.tensor([len(tokens) - 1 for tokens in asked], device=model.device)
    both = logits[torch.arange(len(asked), device=model.device), last][:, words].float()
    return [float(value) for value in both.softmax(-1)[:, 0]]
