"""What the window holds open: the lake, the closed process with its rows, and what people have said of them."""

import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from storage.browse import figures
from storage.browse.rows import PREPARE, Rows
from storage.browse.session import Session
from storage.errors import NightschoolError
from storage.lake import reviews
from storage.lake.lake import Lake
from storage.workspace import Workspace

LOOK_S = 2.0
"""How often it is asked whether something was committed."""


class Shelf:
    """An open workspace. A context manager; safe for several threads.

    Args:
        workspace: The workspace.
        reviewer: Who reviews in this window.

    Attributes:
        workspace: The workspace.
        lake: Its lake, for reading.
        reviewer: Who reviews.

    Raises:
        WorkspaceError: The workspace has no lake yet, or cannot be used.
        LakeError: The lake cannot be opened.
    """

    def __init__(self, workspace: Workspace, reviewer: str) -> None:
        self.workspace, self.reviewer = workspace, reviewer
        self._writing = threading.Lock()
        self._ended = threading.Event()
        self._writer = Lake(workspace)  # first: a lake of an older version is brought up to date by it
        self.lake = Lake(workspace, read_only=True)
        self.seq = self.lake.last_seq()
        self._session = Session(workspace, PREPARE)
        self.rows = Rows(self._session)
        self._reviews = self._read_reviews()
        self._thread = threading.Thread(target=self._follow, name="commits", daemon=True)
        self._thread.start()

    def refresh(self) -> bool:
        """Look whether something was committed, and if so hold the rows of now; return whether it was so.

        Raises:
            NightschoolError: The lake cannot be read.
        """
        seq = self.lake.last_seq()
        if seq == self.seq:
            return False
        kinds = figures.kinds_since(self.lake, self.seq)
        self._reviews = self._read_reviews()
        if kinds - {"review"}:
            session = Session(self.workspace, PREPARE)
            old, self._session, self.rows = self._session, session, Rows(session)
            old.close()
        self.seq = seq
        return True

    def said(self, ids: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
        """Return the last verdict of this window's reviewer by row, of some rows or of all."""
        mine = {
            row["sample_id"]: row
            for row in self._reviews
            if row["reviewer"] == self.reviewer and row["verdict"] is not None
        }
        return mine if ids is None else {identity: mine[identity] for identity in ids if identity in mine}

    def reviewed(self) -> list[str]:
        """Return the rows on which anybody gave a verdict."""
        return list(dict.fromkeys(row["sample_id"] for row in self._reviews if row["verdict"] is not None))

    def reviews_of(self, sample_id: str) -> list[dict[str, Any]]:
        """Return every review of a row, oldest first."""
        return [row for row in self._reviews if row["sample_id"] == sample_id]

    def record(self, to_record: Sequence[reviews.Review]) -> int:
        """Commit reviews, durably, and return how many there are.

        Raises:
            NightschoolError: They cannot be committed; the message says why.
        """
        with self._writing:
            count = reviews.record_reviews(self._writer, to_record)
        self._reviews = self._read_reviews()
        return count

    def close(self) -> None:
        """Close everything."""
        self._ended.set()
        self._thread.join()
        self._session.close()
        self.lake.close()
        self._writer.close()

    def _read_reviews(self) -> list[dict[str, Any]]:
        return reviews.reviews_of(self.lake)

    def _follow(self) -> None:
        while not self._ended.wait(LOOK_S):
            with suppress(NightschoolError):  # a busy catalogue is asked again; what is damaged, a page says
                self.refresh()

    def __enter__(self) -> "Shelf":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
