"""Generations made elsewhere enter the ledger under the key that a night would ask them under, so it finds them.

Two forms are read:

* JSONL, one generation per line: `messages` (role and content each) and `response` (or `completion`), and where they are
  known `sampling` (temperature, top_p, max_tokens, stop, schema), `sample`, `finish_reason`, `reasoning`, `prompt_tokens`,
  `completion_tokens`. `id` and `meta` are not read.
* The output file of an OpenAI batch, together with its input file, which has the requests.

For a key to be what a night asks, all that enters it has to be right (`synth.calls.keys`):

* model: `NAME@REVISION` as in `models.<role>.name` and `revision` of the recipe, or a checkpoint's digest;
* messages: exactly those that the recipe's prompt renders;
* sampling: what a line does not say is taken from the defaults; in OpenAI's files a missing temperature or top_p is 1, the
  API's own default. Parameters that change an answer and that a night cannot ask (tools, penalties) are errors;
* sample number: the line's `sample` when it has one ("repetition.sample"; a bare number means repetition 0); else the first
  of several equal requests is 0.0, the next 0.1, ... in the order of the lines (of the requests, for a batch: its output is in
  order of arrival).

Imported calls have no night, method or price. A generation whose key is known already is counted and left as it is, so
importing a file again changes nothing. A file with an error in any line changes nothing either.
"""

import codecs
import functools
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from storage.errors import RecipeError
from storage.ledger.ledger import Call, Ledger
from synth.calls.ask import clean
from synth.calls.keys import content_key, sampling_params
from synth.calls.structured import schema_text
from synth.engines.base import Message, Sampling
from synth.engines.body import MOST_TOKENS
from synth.engines.credentials import known_credentials, redact
from synth.imports.openai_batch import BatchReply, BatchRequest, read_reply, read_request

IMPORTED = "imported"
"""`role`, `act` and `origin` of imported calls."""

LONGEST_LINE = 64 << 20
"""Bytes of a line, four times the longest answer that is read from a server."""

_IDENTITY = re.compile(r"\S+@\S+|[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file.

    Attributes:
        lines: Lines with something in them.
        new: Calls that are in the ledger now and were not before.
        known: Calls that the ledger had already, with the same answer.
        differing: Calls that the ledger had with another answer, which stays.
        failed: Lines of a batch that hold no answer (an error, a refusal), and requests without a line.
    """

    lines: int
    new: int
    known: int
    differing: int
    failed: int

    def to_json(self) -> dict[str, int]:
        """Return the figures as plain values."""
        return asdict(self)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class _Message(_Part):
    role: Literal["system", "user", "assistant"]
    content: str


class _Sampling(_Part):
    temperature: float | None = Field(None, ge=0)
    top_p: float | None = Field(None, gt=0, le=1)
    max_tokens: int | None = Field(None, ge=1, le=MOST_TOKENS)
    stop: tuple[str, ...] | None = None
    shape: dict[str, Any] | None = Field(None, alias="schema")

    def over(self, defaults: Sampling) -> Sampling:
        """Return the sampling parameters, what is missing taken from `defaults`."""
        return Sampling(
            temperature=defaults.temperature if self.temperature is None else self.temperature,
            max_tokens=self.max_tokens or defaults.max_tokens,
            top_p=self.top_p or defaults.top_p,
            stop=defaults.stop if self.stop is None else self.stop,
            schema=schema_text(self.shape) or defaults.schema,
        )


class _Line(_Part):
    messages: tuple[_Message, ...] = Field(min_length=1)
    response: str | None = None
    completion: str | None = None
    sampling: _Sampling = _Sampling()
    sample: int | str | None = None
    finish_reason: Literal["stop", "length"] = "stop"
    reasoning: str = ""
    prompt_tokens: int = Field(0, ge=0, le=MOST_TOKENS)
    completion_tokens: int = Field(0, ge=0, le=MOST_TOKENS)
    id: Any = None
    meta: Any = None


class _Numbers:
    """Gives equal requests their sample numbers, and finds what stands twice."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._next: dict[str, int] = {}
        self._lines: dict[str, int] = {}

    def take(self, messages: tuple[Message, ...], sampling: Sampling, count: int = 1) -> int:
        """Return the first of `count` numbers for one more request like this."""
        request = content_key(self._model, messages, sampling, "")[:32]
        first = self._next.get(request, 0)
        self._next[request] = first + count
        return first

    def key(self, messages: tuple[Message, ...], sampling: Sampling, sample: str, where: str, line: int) -> str:
        """Return the key of a sample.

        Raises:
            RecipeError: An earlier line of the file has the same.
        """
        key = content_key(self._model, messages, sampling, sample)
        before = self._lines.setdefault(key, line)
        if before != line:
            raise RecipeError(f"{where}: sample {sample} of this request stands on line {before} already")
        return key


def import_calls(
    ledger: Ledger, file: Path, *, model: str, requests: Path | None = None, defaults: Sampling | None = None
) -> Imported:
    """Bring generations made elsewhere into the ledger: all of a file, or nothing.

    Args:
        ledger: Where they go.
        file: JSONL of generations, or an OpenAI batch output file.
        model: Identity of the model that wrote them: `NAME@REVISION`, or a checkpoint's digest.
        requests: The batch's input file; makes `file` its output file.
        defaults: Sampling parameters that a line does not say; None means those of a method that says nothing
            (temperature 0, top_p 1, 1024 tokens).

    Raises:
        RecipeError: A file cannot be read, or a line of it; the message names line and field.
        LakeError: The ledger cannot be written.
    """
    if not _IDENTITY.fullmatch(model):
        raise RecipeError(f"--model {model!r}: write NAME@REVISION (a bare name may mean another model tomorrow)")
    counts = {"lines": 0, "failed": 0}
    defaults = defaults or Sampling()
    calls = _batch(file, requests, model, defaults, counts) if requests else _plain(file, model, defaults, counts)
    added = ledger.add(calls, published=False)
    return Imported(new=added.new, known=added.known, differing=added.differing, **counts)


def _lines(file: Path) -> Iterator[tuple[int, str, bytes]]:
    """Yield number, name and content of each line that is not blank."""
    try:
        with file.open("rb") as opened:
            number = 0
            while line := opened.readline(LONGEST_LINE + 1):
                number += 1
                where = f"{file} line {number}"
                if len(line) > LONGEST_LINE:
                    raise RecipeError(f"{where} is longer than {LONGEST_LINE >> 20} MiB; is this a file of JSON lines?")
                if number == 1:
                    line = _without_mark(line, where)
                if line.strip():
                    yield number, where, line
    except OSError as error:
        raise RecipeError(f"{file} cannot be read: {error.strerror or error}") from None


def _without_mark(line: bytes, where: str) -> bytes:
    """Return the first line of a file without UTF-8's byte-order mark.

    Raises:
        RecipeError: The mark is that of another encoding.
    """
    if line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise RecipeError(f"{where}: the file is UTF-16 or UTF-32; save it as UTF-8")
    return line.removeprefix(codecs.BOM_UTF8)


def _plain(file: Path, model: str, defaults: Sampling, counts: dict[str, int]) -> Iterator[Call]:
    numbers = _Numbers(model)
    for number, where, line in _lines(file):
        counts["lines"] += 1
        if b'"custom_id"' in line and b'"status_code"' in line:
            raise RecipeError(f"{where}: this is the output of a batch; name its input file with --requests")
        try:
            row = _Line.model_validate_json(line)
            sampling = row.sampling.over(defaults)
        except ValidationError as error:
            raise RecipeError(f"{where}: {_words(error)}") from None
        except ValueError as error:
            raise RecipeError(f"{where}: sampling.{error}") from None
        text = row.response if row.completion is None else row.completion
        if text is None or (row.response is not None and row.completion is not None):
            raise RecipeError(f"{where}: give the answer as `response` (or as `completion`, not both)")
        messages: tuple[Message, ...] = tuple(message.model_dump() for message in row.messages)
        sample = f"0.{numbers.take(messages, sampling)}" if row.sample is None else _sample(row.sample, where)
        key = numbers.key(messages, sampling, sample, where, number)
        yield _call(
            key,
            model,
            messages,
            sampling,
            sample,
            BatchReply(text, row.finish_reason, row.reasoning, row.prompt_tokens, row.completion_tokens),
        )


def _batch(file: Path, requests: Path, model: str, defaults: Sampling, counts: dict[str, int]) -> Iterator[Call]:
    numbers = _Numbers(model)
    asked: dict[str, tuple[BatchRequest, int]] = {}
    for _, where, line in _lines(requests):
        request = read_request(line, where, defaults)
        if request.custom_id in asked:
            raise RecipeError(f"{where}: custom_id {request.custom_id!r} stands in it twice")
        name = model.rpartition("@")[0]
        if name and request.model not in (None, name):
            raise RecipeError(f"{where}: body.model is {request.model!r}, but --model names {name!r}")
        asked[request.custom_id] = request, numbers.take(request.messages, request.sampling, request.choices)
    answered: set[str] = set()
    for number, where, line in _lines(file):
        counts["lines"] += 1
        custom_id, replies = read_reply(line, where)
        if custom_id not in asked or custom_id in answered:
            raise RecipeError(
                f"{where}: custom_id {custom_id!r} "
                + (f"is not in {requests}" if custom_id not in asked else "stands in it twice")
            )
        answered.add(custom_id)
        request, first = asked[custom_id]
        if not any(replies.values()):
            counts["failed"] += 1
        for index, reply in replies.items():
            if reply is not None and index < request.choices:
                sample = f"0.{first + index}"
                key = numbers.key(request.messages, request.sampling, sample, where, number)
                yield _call(key, model, request.messages, request.sampling, sample, reply)
    counts["failed"] += len(asked) - len(answered)


def _call(
    key: str, model: str, messages: tuple[Message, ...], sampling: Sampling, sample: str, reply: BatchReply
) -> Call:
    return Call(
        key=key,
        model=model,
        role=IMPORTED,
        act=IMPORTED,
        messages=messages,
        sampling=sampling_params(sampling),
        sample=sample,
        response=_kept(reply.text),
        finish_reason=reply.finish_reason,
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
        origin=IMPORTED,
        reasoning=_kept(reply.reasoning),
        cached_tokens=reply.cached_tokens,
    )


def _kept(text: str) -> str:
    """A text as the ledger may hold it: without the credentials of this environment, which a batch's answers may quote."""
    return clean(functools.reduce(redact, known_credentials(), text))


def _sample(value: int | str, where: str) -> str:
    text = f"0.{value}" if isinstance(value, int) else value
    if not re.fullmatch(r"(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})", text):
        raise RecipeError(f'{where}: sample {value!r}: write a number, or "repetition.sample", for example "0.3"')
    return text


def _words(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        keys = ", ".join(_Sampling.model_fields if first["loc"][0] == "sampling" else _Line.model_fields)
        return f"{key} is not read; known are {keys}".replace("shape", "schema")
    return f"{key}: {first['msg']}" if key else first["msg"]
