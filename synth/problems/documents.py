"""Pieces of documents of one's own: text files, cut where paragraphs end."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from storage.errors import ProblemError
from synth.problems.base import Problem
from synth.problems.drawing import ReadProblem, in_order
from synth.problems.files import Dropped
from synth.problems.mapping import clean
from synth.problems.wording import canonical_question

ENDINGS = (".txt", ".md", ".rst")
"""Files of a folder that are read."""
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


class Documents:
    """Passages of a file, or of every text file of a folder, in the order of names and within a file from its start.

    Args:
        path: The file or folder.
        name: Name in rows.
        words: Fewest and most words of a passage; a shorter rest is joined to the passage before it.
        license: Licence of the documents.

    Attributes:
        dropped: Passages that the last draw left out because their text was there before.
    """

    def __init__(self, path: Path, name: str, *, words: tuple[int, int], license: str) -> None:
        self.name = name
        self.dropped: list[Dropped] = []
        self._path, self._words, self._license = path, words, license

    def draw(
        self, limit: int, *, seed: int, tier: int | None = None, exclude: frozenset[str] = frozenset()
    ) -> Sequence[Problem]:
        """Draw the first `limit` passages that are not excluded; `seed` is not used, every passage is of tier 1.

        Raises:
            ProblemError: There is no such file or folder, no text in it, or a file is no UTF-8.
        """
        self.dropped = []
        if tier not in (None, 1):
            return []
        passages = (ReadProblem(number, problem) for number, problem in enumerate(self._passages(), start=1))
        empty = f"{self._path}: there is no text of {self._words[0]} words or more in it."
        return in_order(passages, limit, exclude, self.dropped, empty)

    def _passages(self) -> Iterator[Problem]:
        for file in self._files():
            try:
                text = clean(file.read_text(encoding="utf-8-sig"))
            except (OSError, UnicodeDecodeError) as error:
                raise ProblemError(f"{file}: not readable as text in UTF-8 ({error}).") from None
            passages = cut(text, *self._words)
            label = file.name if self._path.is_file() else str(file.relative_to(self._path))
            for number, passage in enumerate(passages):
                yield Problem(
                    task="passage",
                    source=self.name,
                    prompt=passage,
                    gold="",
                    structure=canonical_question(passage),
                    license=self._license,
                    attrs={"document": label, "passage": number, "passages": len(passages)},
                )

    def _files(self) -> list[Path]:
        if self._path.is_file():
            return [self._path]
        files = sorted(file for file in self._path.rglob("*") if file.suffix.lower() in ENDINGS and file.is_file())
        if not files:
            raise ProblemError(
                f"{self._path}: there is no such file, and no folder with files that end in {', '.join(ENDINGS)}; correct `path`."
            )
        return files


def cut(text: str, least: int, most: int) -> list[str]:
    """Cut a text into passages of `least` to `most` words where paragraphs end, and inside longer ones where sentences end.

    What is left at the end is joined to the passage before where it is shorter than `least`, and left out where there is none.
    """
    passages: list[str] = []
    current: list[str] = []
    count = 0
    for piece, joint in _pieces(text, most):
        length = len(piece.split())
        if current and count + length > most:
            passages.append("".join(current).strip())
            current, count = [], 0
        current += [joint, piece]
        count += length
    rest = "".join(current).strip()
    if rest and count >= least:
        passages.append(rest)
    elif rest and passages:
        passages[-1] += "\n\n" + rest
    return [passage for passage in passages if len(passage.split()) >= least]


def _pieces(text: str, most: int) -> Iterator[tuple[str, str]]:
    """Paragraphs, and sentences of those that are too long, each with what stands before it; no piece is above `most` words."""
    for paragraph in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n")):
        if not paragraph.strip():
            continue
        if len(paragraph.split()) <= most:
            yield paragraph.strip(), "\n\n"
            continue
        for number, sentence in enumerate(_SENTENCE_END.split(paragraph.strip())):
            words = sentence.split()
            for start in range(0, len(words), most):
                yield " ".join(words[start : start + most]), "\n\n" if not number and not start else " "
