"""What was taken down, without its text."""

import pyarrow as pa

from storage.tables.columns import COMMIT_ID, INT, NOTE, TIME, WORD, WORDS, column

TABLES: dict[str, pa.Schema] = {
    "takedowns": pa.schema(
        [
            column("takedown_id", WORD, "digest of what was taken down"),
            column("event", WORD, "planned, then done: its text is in no file any more"),
            column("kind", WORD, "what was named: sample, problem or condition (which is not kept)"),
            column("because", NOTE, "why, in the words of whoever did it"),
            column("sample_ids", WORDS, "rows that are gone"),
            column("problem_ids", WORDS, "problems that are gone"),
            column("structure_ids", WORDS, "structures of these problems: no night draws one again"),
            column("call_ids", WORDS, "calls that are gone, and are not asked again"),
            column("contents", WORDS, "digests of what the rows held: the same text is not committed again"),
            column("releases", WORDS, "releases that held one of the rows"),
            column("checkpoints", WORDS, "models that read one of the rows, themselves or through an ancestor"),
            column("created_at", TIME, "when"),
            COMMIT_ID,
        ],
        metadata={"comment": "what was removed for good, without its text; two rows each: planned and done"},
    ),
    "takedown_rows": pa.schema(
        [
            column("takedown_id", WORD, "takedown that removed them"),
            column("in_table", WORD, "table they stood in"),
            column("of_commit", WORD, "commit they had come with"),
            column("rows", INT, "how many"),
            COMMIT_ID,
        ],
        metadata={"comment": "rows that takedowns removed, by the commit they came with: the commits still add up"},
    ),
    "redactions": pa.schema(
        [
            column("release_id", WORD, "release whose files are gone"),
            column("successor", WORD, "release with the rows that are left, null when none are"),
            column("takedown_id", WORD, "takedown that asked for it"),
            column("rows", INT, "rows left out"),
            column("created_at", TIME, "when"),
            COMMIT_ID,
        ],
        metadata={"comment": "releases that a takedown replaced by a successor"},
    ),
}
