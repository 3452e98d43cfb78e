"""Questions from chat logs of one's own, in the format of OpenAI's API: a line of JSON a chat, `{"messages": [...]}`.

Personal details are taken out before a problem is made (`synth.problems.redaction`), so nothing downstream ever sees them; how many
of which kind stands in the problem's `attrs`:

    -- what was taken out
    select source, sum((attrs->'redacted'->>'EMAIL')::int) as addresses from problems where task = 'open_question' group by all
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from storage.errors import ProblemError
from synth.problems.base import Problem
from synth.problems.drawing import ReadProblem, in_order
from synth.problems.files import Dropped
from synth.problems.mapping import clean
from synth.problems.redaction import redact
from synth.problems.rows import Rows
from synth.problems.wording import canonical_question

Turn = Literal["first", "last", "every"]


class ChatLog:
    """Open questions from the users' turns of chats, in the order of the file.

    Args:
        rows: The lines.
        name: Name in rows.
        turn: Which of a chat's user turns are questions; later ones may need what was said before them.
        also: Words and phrases that are taken out beside what patterns find.
        words: Fewest and most words of a question.
        license: Licence of the log.

    Attributes:
        dropped: Chats that the last draw left out: without a user's text (`no_question`), with too few or many words (`length`),
            or asked before (`duplicate`).
    """

    def __init__(
        self, rows: Rows, name: str, *, turn: Turn, also: Sequence[str], words: tuple[int, int], license: str
    ) -> None:
        self.name = name
        self.dropped: list[Dropped] = []
        self._rows, self._turn, self._also, self._words, self._license = rows, turn, tuple(also), words, license

    def draw(
        self, limit: int, *, seed: int, tier: int | None = None, exclude: frozenset[str] = frozenset()
    ) -> Sequence[Problem]:
        """Draw the first `limit` questions that are not excluded; `seed` is not used, every question is of tier 1.

        Raises:
            ProblemError: The log is missing or empty, or a line is no chat.
        """
        self.dropped = []
        if tier not in (None, 1):
            return []
        empty = f"{self._rows.label}: there are no chats in it; write one JSON object per line."
        return in_order(self._read(), limit, exclude, self.dropped, empty)

    def _read(self) -> Iterator[ReadProblem]:
        for number, row in self._rows:
            for text in self._questions(number, row):
                problem = self._problem(text)
                yield ReadProblem(number, problem, self._fault(problem))

    def _questions(self, number: int, row: Any) -> Iterator[str]:
        texts = [clean(text).strip() for text in user_texts(row, f"{self._rows.label}, {self._rows.unit} {number}")]
        chosen = texts if self._turn == "every" else texts[:1] if self._turn == "first" else texts[-1:]
        yield from chosen or [""]

    def _fault(self, problem: Problem) -> str | None:
        if not problem.structure:
            return "no_question"
        return None if self._words[0] <= len(problem.prompt.split()) <= self._words[1] else "length"

    def _problem(self, text: str) -> Problem:
        question, counts = redact(text, self._also)
        return Problem(
            task="open_question",
            source=self.name,
            prompt=question,
            gold="",
            structure=canonical_question(question),
            license=self._license,
            attrs={"redacted": counts},
        )


def user_texts(row: Any, location: str) -> list[str]:
    """Return the texts of the user's turns of a chat: of a request, of a line of a batch, or of a line of fine-tuning data.

    Raises:
        ProblemError: The row is no chat.
    """
    body = row.get("body", row) if isinstance(row, dict) else row
    messages = body.get("messages") if isinstance(body, dict) else None
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise ProblemError(
            f'{location}: not a chat; write {{"messages": [{{"role": "user", "content": "..."}}]}}, as OpenAI\'s API takes it.'
        )
    return [_text(message.get("content"), location) for message in messages if message.get("role") == "user"]


def _text(content: Any, location: str) -> str:
    """The text of a turn: as it stands, or the text parts of a list; other parts (pictures, sound) are left out."""
    if content is None or isinstance(content, str):
        return content or ""
    if isinstance(content, list):
        parts = [part for part in content if isinstance(part, dict) and part.get("type") in ("text", "input_text")]
        return "\n".join(part["text"] for part in parts if isinstance(part.get("text"), str))
    raise ProblemError(f"{location}: `content` is {type(content).__name__}; write a text or a list of parts.")


def read_phrases(path: Path) -> list[str]:
    """Read the phrases that are taken out of a log, one a line; empty lines do not count.

    Raises:
        ProblemError: There is no such file, it is no UTF-8, or it is empty.
    """
    try:
        phrases = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise ProblemError(f"{path}: not readable as text in UTF-8 ({error}); correct `names`.") from None
    if not any(phrases):
        raise ProblemError(f"{path}: there is no phrase in it; write one a line, or leave `names` out.")
    return [phrase for phrase in phrases if phrase]
