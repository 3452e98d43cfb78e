"""Nights and trainings: what they were pinned to, and how they ended."""

import pyarrow as pa

from storage.tables.columns import COMMIT_ID, NOTE, TEXT, TIME, WORD, column

TABLES: dict[str, pa.Schema] = {
    "runs": pa.schema(
        [
            column("run_id", WORD, "night or train, and the night"),
            column("event", WORD, "pinned, drawn, decided (whether to train), stopped or finished"),
            column("night", WORD, "night: logical date and recipe, 2026-11-23/nightly"),
            column("recipe", WORD, "name of the recipe"),
            column("pinned", NOTE, "recipe, code, prompts, student and benchmarks by digest, JSON"),
            column("summary", TEXT, "figures at the end, JSON"),
            column("created_at", TIME, "when"),
            COMMIT_ID,
        ],
        metadata={"goes_with": "redacted", "comment": "what each night was pinned to, and how it ended"},
    ),
}
