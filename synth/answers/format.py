"""How a final answer is written: one form per recipe, in every prompt and in every row that is written by rule or by a person.

The judge reads all forms always. A form here says only what models are asked for, and what gold solutions are rewritten to,
so that a row never disobeys its own prompt.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

_HASH = re.compile(r"^[ \t]*####[ \t]*(?P<answer>\S.*?)[ \t]*$", re.MULTILINE)
_FINAL = "<final answer>"


@dataclass(frozen=True)
class AnswerFormat:
    """One form of final answers.

    Attributes:
        name: As recipes say it.
        ending: How a prompt's sentence "Write one step per line" goes on.
        line: The line in a form that a reply is to follow.
        write: Makes the line of an answer.
    """

    name: str
    ending: str
    line: str
    write: Callable[[str], str]

    def rewrite(self, text: str) -> str:
        """Return a solution whose lines `#### answer` have this form; other text stays as it is."""
        return _HASH.sub(lambda match: self.write(match["answer"]), text)


def _hash(answer: str) -> str:
    return f"#### {answer}"


def _boxed(answer: str) -> str:
    return f"\\boxed{{{answer}}}"


def _phrase(answer: str) -> str:
    return f"The answer is {answer.removesuffix('.')}."


FORMATS = {
    form.name: form
    for form in (
        AnswerFormat("hash", f", and end with a last line of the form\n{_hash(_FINAL)}", _hash(_FINAL), _hash),
        AnswerFormat("boxed", ", and put your final answer within \\boxed{}.", "\\boxed{the final answer}", _boxed),
        AnswerFormat(
            "phrase", ', and end with a line that says "The answer is", followed by it.', "The answer is ...", _phrase
        ),
        AnswerFormat("own", ".", "the final answer", _hash),
    )
}
"""`own` asks for nothing: the recipe's own prompts say what they want, and solutions stay as the data set wrote them."""
