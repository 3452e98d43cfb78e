"""Problems and what was left out of their sources."""

import pyarrow as pa

from storage.tables.columns import COMMIT_ID, INT, TEXT, WORD, column

TABLES: dict[str, pa.Schema] = {
    "problems": pa.schema(
        [
            column("problem_id", WORD, "content identity: task, prompt, gold answer"),
            column("task", WORD, "kind of problem: arithmetic, knights_knaves, math_word"),
            column("source", WORD, "where it comes from, for example gsm8k"),
            column(
                "split",
                WORD,
                "train; never trained on: heldout (promotion is tested on it), validation (choices are made on it), benchmark",
            ),
            column("tier", INT, "difficulty; for puzzles the number of people"),
            column("prompt", TEXT, "the question"),
            column("gold", TEXT, "the final answer, empty where nobody knows it"),
            column("gold_source", WORD, "data, rule (made with the problem), or none; null in older rows"),
            column("solution", TEXT, "a worked solution, null when there is none"),
            column(
                "structure_id", WORD, "digest of the canonical structure: equal for the same problem in other words"
            ),
            column("structure", TEXT, "the canonical structure"),
            column("license", WORD, "SPDX identifier or unknown"),
            column("attrs", TEXT, "what else the task needs, JSON"),
            column("night", WORD, "night that drew it first"),
            COMMIT_ID,
        ],
        metadata={"goes_with": "problem", "comment": "questions with checkable answers"},
    ),
    "left_out": pa.schema(
        [
            column("night", WORD, "night that drew"),
            column("source", WORD, "the recipe's name of the source"),
            column("line", INT, "where the row stands in it"),
            column(
                "reason",
                WORD,
                "duplicate, conflicting_answer (the same question with another answer), bad_gold, contradicts_solution, ...",
            ),
            column("kept_line", INT, "where the row stands that asks the same and was kept, null for none"),
            COMMIT_ID,
        ],
        metadata={
            "comment": "rows of sources that made no problem, without their text (`nightschool plan --left-out` has it)"
        },
    ),
}
