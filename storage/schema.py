"""The tables of the lake, as Arrow schemas with a comment per table and column; each group is a file in `storage.tables`.

Every table is append-only and every row carries the `commit_id` it came with. What is new, what was there when, and
what a release holds are decided by joining `commits`, never by the files' own history.
"""

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from storage.tables import judgement, models, problems, releases, runs, synthesis, takedowns
from storage.tables.columns import INT, TIME, WORD, column

COMMITS = pa.schema(
    [
        column("commit_id", WORD, "identity of the commit"),
        column("seq", INT, "1, 2, 3, ... in order of commit"),
        column("key", WORD, "idempotency key: a second commit under it changes nothing"),
        column("kind", WORD, "what was committed: problems, samples, curate, release, checkpoint, ..."),
        column("night", WORD, "night (date/recipe), null outside a night"),
        column("rows", INT, "rows committed, all tables together"),
        column("created_at", TIME, "when"),
    ],
    metadata={"comment": "append-only list of everything that was ever committed"},
)

TABLES: dict[str, pa.Schema] = {
    **problems.TABLES,
    **synthesis.TABLES,
    **judgement.TABLES,
    **releases.TABLES,
    **models.TABLES,
    **takedowns.TABLES,
    **runs.TABLES,
}


def comment(item: pa.Schema | pa.Field) -> str:
    """Return the comment of a table's schema or of a column."""
    return str((item.metadata or {}).get(b"comment", b"").decode())


def writer(field: pa.Field) -> str | None:
    """Return who wrote the strings of a column: `ours`, `person` or `model`; None where it holds no strings."""
    value = (field.metadata or {}).get(b"writer")
    return value.decode() if value else None


@dataclass(frozen=True, slots=True)
class Tie:
    """Rows of a table that are taken down together with the sample, problem or call that they are about.

    Attributes:
        table: The table.
        column: Its column with the id.
        kind: What the id is of: `sample`, `problem` or `call`.
        subject: Only rows whose column `subject` says this; None means every row.
    """

    table: str
    column: str
    kind: Literal["sample", "problem", "call"]
    subject: str | None = None

    @property
    def condition(self) -> str:
        """SQL condition that selects these rows of the table, whatever their id."""
        return "true" if self.subject is None else f"subject = '{self.subject}'"


_KINDS: tuple[Literal["sample", "problem", "call"], ...] = ("sample", "problem", "call")
SUBJECTS: tuple[Literal["sample", "problem"], ...] = ("sample", "problem")
"""What evidence may be about: what a takedown can remove."""


def ties() -> list[Tie]:
    """Return what every table is taken down with, as the tables themselves say (`goes_with` in their metadata).

    A table with text of models says `sample`, `problem`, `call`, `subject` (its rows say which of `SUBJECTS`), or `redacted`
    (the rows stay, and `storage.takedown.carry_out` removes the text from them).
    """
    all_ties: list[Tie] = []
    for name, schema in TABLES.items():
        if goes_with(schema) == "subject":
            all_ties += [Tie(name, "subject_id", subject, subject) for subject in SUBJECTS]
        all_ties += [Tie(name, f"{kind}_id", kind) for kind in _KINDS if kind == goes_with(schema)]
    return all_ties


def goes_with(schema: pa.Schema) -> str | None:
    """Return what the rows of a table are taken down with (see `ties`); None where the table does not say."""
    value = (schema.metadata or {}).get(b"goes_with")
    return value.decode() if value else None
