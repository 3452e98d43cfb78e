"""Batched generation with a Hugging Face checkpoint in this process, on a CPU or one GPU.

What a row draws depends on its own seed only, never on the rows that share its batch. (Logits may still differ in the
last bit from batch to batch, so even greedy answers are not promised to be identical.) Not covered: more than one GPU,
quantised weights, continuous batching; vLLM is the engine for that.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from storage.errors import CheckpointError
from storage.ids import seed_from
from storage.messages import for_template
from storage.models.adapters import whole
from synth.engines.base import TOOLS, tools_of


@dataclass(frozen=True, slots=True)
class Generation:
    """What the model wrote for one conversation.

    Attributes:
        text: The completion without its end token; empty on error.
        finish_reason: `stop`, `length`, or `error` when the conversation could not be answered at all.
        prompt_tokens: Tokens of the rendered prompt.
        completion_tokens: Tokens written, the end token included.
        error: `prompt_too_long: ...` when finish_reason is `error`, else None.
    """

    text: str
    finish_reason: Literal["stop", "length", "error"]
    prompt_tokens: int
    completion_tokens: int
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Cut:
    """Which tokens are drawn from, and how evenly."""

    temperature: float
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0


@dataclass(slots=True)
class _Row:
    index: int
    prompt: list[int]
    budget: int
    seed: int
    written: list[int]
    text: str = ""
    stopped: bool = False


class Sampler:
    """A causal language model with its tokenizer, ready to generate.

    Args:
        checkpoint: A Hugging Face folder, or an adapter with its base.
        device: `cpu`, `cuda`, `cuda:1`, ...; None takes the GPU when there is one.
        batch_tokens: Upper bound on rows times (longest prompt + completion) of one batch; bounds the KV cache.
        batch_rows: Upper bound on the rows of one batch.

    Raises:
        CheckpointError: The folder holds no loadable model.
    """

    def __init__(
        self, checkpoint: Path, *, device: str | None = None, batch_tokens: int = 65_536, batch_rows: int = 256
    ) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        dtype = torch.float32 if self.device == "cpu" else torch.bfloat16
        try:
            self.tokenizer: Any = AutoTokenizer.from_pretrained(str(checkpoint), local_files_only=True)
            model = AutoModelForCausalLM.from_pretrained(str(whole(checkpoint)), dtype=dtype, local_files_only=True)
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{checkpoint} cannot be loaded as a model: {error}") from error
        self.model: Any = model.to(self.device).eval()
        self.context = int(self.model.config.max_position_embeddings)
        self.batch_tokens = batch_tokens
        self.batch_rows = batch_rows
        ends = self.model.generation_config.eos_token_id
        self.end_ids = frozenset([ends] if isinstance(ends, int) else ends or [self.tokenizer.eos_token_id])
        self.pad_id = self.tokenizer.pad_token_id if self.tokenizer.pad_token_id is not None else min(self.end_ids)

    def generate(
        self,
        conversations: Sequence[Sequence[dict[str, str]]],
        *,
        temperature: float,
        max_tokens: int,
        top_p: float = 1.0,
        top_k: int = 0,
        min_p: float = 0.0,
        body: str | None = None,
        seed: int | Sequence[int] = 0,
        stop: Sequence[str] = (),
    ) -> list[Generation]:
        """Answer each conversation once, in order.

        Args:
            conversations: Chats of `{"role", "content"}` messages; the model's own template renders them. A turn of the
                assistant at the end is continued.
            temperature: 0 is greedy.
            max_tokens: Upper bound on a completion; a row near the end of the context window gets less.
            top_p: Nucleus share; 1 keeps everything.
            top_k: Only the k likeliest tokens; 0 keeps all.
            min_p: Only tokens at least so likely, relative to the likeliest; 0 keeps all.
            body: Further keys of a request, canonical JSON; only `chat_template_kwargs` and `tools` count here.
            seed: One seed per conversation, or one number from which they are derived by position.
            stop: Strings that end a completion; they are cut off.
        """
        seeds = [seed_from(seed, i) for i in range(len(conversations))] if isinstance(seed, int) else list(seed)
        results: list[Generation | None] = [None] * len(conversations)
        rows: list[_Row] = []
        template = json.loads(body or "{}").get("chat_template_kwargs", {})
        tools = tools_of(body)
        if tools and TOOLS not in str(self.tokenizer.chat_template):
            refusal = "no_tools: the chat template of this model knows no tools; let it play in plain text (form: text)"
            return [Generation("", "error", 0, 0, refusal) for _ in conversations]
        template = {**template, "tools": tools} if tools else template
        prompts = [self._encode(conversation, template) for conversation in conversations]
        for index, (prompt, own_seed) in enumerate(zip(prompts, seeds, strict=True)):
            room = self.context - len(prompt)
            if room < 1:
                refusal = f"prompt_too_long: {len(prompt)} tokens, the model's limit is {self.context}"
                results[index] = Generation("", "error", len(prompt), 0, refusal)
            else:
                rows.append(_Row(index, prompt, min(max_tokens, room), own_seed, []))
        for batch in self._batches(rows):
            self._answer(batch, Cut(temperature, top_p, top_k, min_p), tuple(stop))
            for row in batch:
                reason: Literal["stop", "length"] = "stop" if row.stopped else "length"
                results[row.index] = Generation(row.text, reason, len(row.prompt), len(row.written))
        return [result for result in results if result is not None]

    def _encode(self, conversation: Sequence[dict[str, str]], template: Mapping[str, Any]) -> list[int]:
        continues = bool(conversation) and conversation[-1]["role"] == "assistant"
        text = self.tokenizer.apply_chat_template(
            for_template(conversation),
            tokenize=False,
            add_generation_prompt=not continues,
            continue_final_message=continues,
            **template,
        )
        return list(self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    def _batches(self, rows: list[_Row]) -> Iterator[list[_Row]]:
        batch: list[_Row] = []
        for row in sorted(rows, key=lambda row: (len(row.prompt) + row.budget, row.index), reverse=True):
            longest = max(len(row.prompt) + row.budget, *(len(r.prompt) + r.budget for r in batch), 0)
            if batch and (len(batch) >= self.batch_rows or (len(batch) + 1) * longest > self.batch_tokens):
                yield batch
                batch = []
            batch.append(row)
        if batch:
            yield batch

    def _answer(self, rows: list[_Row], cut: "Cut", stop: tuple[str, ...]) -> None:
        """Fill `written`, `text` and `stopped` of each row."""
        import torch
        from transformers import DynamicCache

        longest = max(len(row.prompt) for row in rows)
        padded = [[self.pad_id] * (longest - len(row.prompt)) + row.prompt for row in rows]
        token = torch.tensor(padded, device=self.device)
        mask = torch.tensor([[0] * (longest - len(r.prompt)) + [1] * len(r.prompt) for r in rows], device=self.device)
        position = (mask.cumsum(1) - 1).clamp(min=0)
        draws = _uniform_draws(rows).to(self.device) if cut.temperature > 0 else None
        cache = DynamicCache(config=self.model.config)
        open_rows, step = (
            list(range(len(rows))),
            0,
        )  # positions of the unfinished rows in the tensors, and what they are
        owners = list(rows)
        with torch.inference_mode():
            while True:
                logits = self.model(
                    input_ids=token,
                    attention_mask=mask,
                    position_ids=position,
                    past_key_values=cache,
                    use_cache=True,
                    logits_to_keep=1,
                ).logits[:, -1]
                chosen = choose(logits, cut, None if draws is None else draws[:, step])
                step += 1
                numbers = chosen.tolist()
                open_rows = [i for i in open_rows if not self._append(owners[i], numbers[i], stop)]
                if not open_rows:
                    break
                if len(open_rows) <= len(owners) // 2:  # let go of finished rows
                    keep = torch.tensor(open_rows, device=self.device, dtype=torch.long)
                    cache.batch_select_indices(keep)
                    mask, position, chosen = mask[keep], position[keep], chosen[keep]
                    draws = None if draws is None else draws[keep]
                    owners = [owners[i] for i in open_rows]
                    open_rows = list(range(len(owners)))
                token = chosen[:, None]
                mask = torch.cat([mask, mask.new_ones(mask.shape[0], 1)], dim=1)
                position = position[:, -1:] + 1

    def _append(self, row: _Row, token: int, stop: tuple[str, ...]) -> bool:
        """Add a token to a row; True when the row is finished."""
        row.written.append(token)
        row.stopped = token in self.end_ids
        done = row.stopped or len(row.written) >= row.budget
        if done or stop:
            shown = row.written[:-1] if row.stopped else row.written
            row.text = self.tokenizer.decode(shown, skip_special_tokens=True)
            cuts = [at for at in (row.text.find(word) for word in stop) if at >= 0]
            if cuts:
                row.text, row.stopped, done = row.text[: min(cuts)], True, True
        return done


def _uniform_draws(rows: list[_Row]) -> Any:
    """One uniform number per row and step, from each row's own seed."""
    import torch

    length = max(row.budget for row in rows)
    return torch.stack([torch.rand(length, generator=torch.Generator().manual_seed(row.seed)) for row in rows])


def choose(logits: Any, cut: Cut, draws: Any) -> Any:
    """Pick one token a row: the best one, or by inverting the distribution function at the row's uniform draw.

    The cuts are made one after the other as vLLM makes them: top_k, then top_p of what is left, then min_p.
    """
    import torch

    if cut.temperature <= 0:
        return logits.argmax(-1)
    share, order = torch.softmax(logits.float() / cut.temperature, -1), None
    if cut.top_p < 1 or cut.top_k or cut.min_p:
        share, order = share.sort(-1, descending=True)
        if cut.top_k:
            share[:, cut.top_k :] = 0.0
            share = share / share.sum(-1, keepdim=True)
        share = share.masked_fill(share.cumsum(-1) - share >= cut.top_p, 0.0) if cut.top_p < 1 else share
        share = share.masked_fill(share < cut.min_p * share[:, :1], 0.0)
    total = share.cumsum(-1)
    picked = torch.searchsorted(total, draws[:, None] * total[:, -1:], right=True).clamp(max=logits.shape[-1] - 1)
    return (picked if order is None else order.gather(-1, picked))[:, 0]
