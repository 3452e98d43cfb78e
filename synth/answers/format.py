"""How a final answer is written: one form per recipe, in every prompt and in every row that is written by rule or by a person.

The judge reads all forms always. A form here says what models are asked for, what gold solutions are rewritten to, and how a
row's own prompt and response are recognised, so that no row disobeys its own prompt (the filter `answer_format`) and no
release mixes forms unnoticed (`storage.releases.formats`). A task whose answers need a form of their own says so
(`Task.answer_format`); it wins over the recipe's.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from storage.releases.formats import ASKED
from synth.answers.responses.reading import State, read_answer

_HASH = re.compile(r"^[ \t]*####[ \t]*(?P<answer>\S.*?)[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class AnswerFormat:
    """One form of final answers. Its words hold no placeholder in brackets: small models copy those.

    Attributes:
        name: As recipes say it.
        ending: How a prompt's sentence "Write one step per line" goes on.
        write: Makes the line of an answer.
        own_request: What the prompt `solve` says instead of asking for steps; None where it asks for that.
    """

    name: str
    ending: str
    write: Callable[[str], str]
    own_request: str | None = None

    @property
    def request(self) -> str:
        """What the prompt `solve` says after the problem; empty where the whole response is the answer."""
        steps = f"Please reason step by step{self.ending}"
        return steps if self.own_request is None else self.own_request

    def example(self, answer: str) -> str:
        """Return the line of an answer in a prompt's worked example; nothing where a prompt asks for no form."""
        return "" if self.name in ("code", "whole", "own") else self.write(answer)

    def rewrite(self, text: str) -> str:
        """Return a solution whose lines `#### answer` have this form; other text stays as it is."""
        return _HASH.sub(lambda match: self.write(match["answer"]), text)


def _hash(answer: str) -> str:
    return f"#### {answer}"


def _boxed(answer: str) -> str:
    return f"\\boxed{{{answer}}}"


def _phrase(answer: str) -> str:
    return f"The answer is {answer.removesuffix('.')}."


def _tags(answer: str) -> str:
    return f"<answer>{answer}</answer>"


_PROGRAM = ", and end with the whole program in one fenced block of Python."
FORMATS = {
    form.name: form
    for form in (
        AnswerFormat(
            "hash",
            ", and end with a last line of #### followed by the final answer alone.",
            _hash,
        ),
        AnswerFormat("boxed", ", and put your final answer within \\boxed{}.", _boxed),
        AnswerFormat(
            "phrase",
            ', and end with a line that says "The answer is", followed by the final answer.',
            _phrase,
        ),
        AnswerFormat("tags", ", and put your final answer between <answer> and </answer>.", _tags),
        AnswerFormat("code", _PROGRAM, _hash, f"Think step by step{_PROGRAM}"),
        AnswerFormat("whole", ".", _hash, ""),
        AnswerFormat("own", ".", _hash),
    )
}
"""`tags` is for answers of several lines, `code` for programs, `whole` for responses that are judged as they are; `own` asks for
nothing: the recipe's own prompts say what they want, and solutions stay as the data set wrote them."""

_FENCED = re.compile(r"^[ \t]*```.*^[ \t]*```[ \t]*$", re.MULTILINE | re.DOTALL)
_ASKED = {name: re.compile(pattern) for name, pattern in ASKED.items()}
_MARKS = {
    "hash": ("hashes", "####"), "boxed": ("box", "\\boxed"), "phrase": ("phrase", "answer is"), "tags": ("tag", "<answer>"),
}  # fmt: skip
"""By form: what the judge calls its mark, and what stands before the answer on its line."""


def asked_formats(turns: Iterable[str]) -> frozenset[str]:
    """Return the names of the forms that these turns of a chat ask for."""
    return frozenset(name for text in turns for name, pattern in _ASKED.items() if pattern.search(text))


def obeys_format(response: str, form: str) -> bool:
    """Whether the final answer of a response, as the judge reads it, is written in the form of that name.

    A form that asks for nothing (`whole`, `own`) is obeyed by every response.
    """
    if form == "code":
        return _FENCED.search(response.rpartition("</think>")[2]) is not None
    if form not in _MARKS:
        return True
    reading = read_answer(response)
    if reading.state is not State.READ:
        return False
    mark, before = _MARKS[form]
    if reading.mark == mark:
        return True
    lines = (line.partition(before)[1:] for line in response.rpartition("</think>")[2].splitlines())
    return any(sign and reading.text in answer for sign, answer in lines)
