"""Trained models: what they read, how they did, which one is the student."""

import pyarrow as pa

from storage.tables.columns import CHAT, COMMIT_ID, FLOAT, INT, NOTE, TEXT, TIME, WORD, column

TABLES: dict[str, pa.Schema] = {
    "checkpoints": pa.schema(
        [
            column("checkpoint_id", WORD, "digest of weights, tokenizer and template"),
            column("stage", WORD, "base, or the kind of stage that made it: cpt, sft, preference, rl, ..."),
            column("parent", WORD, "checkpoint it was trained from, null for a base"),
            column("release_id", WORD, "release it was trained on, null for a base"),
            column("path", WORD, "Hugging Face folder, relative to the workspace"),
            column("config", NOTE, "configuration of the stage, JSON"),
            column("metrics", WORD, "loss, tokens, CPU seconds, JSON"),
            column("code_version", WORD, "version of Nightschool"),
            column("night", WORD, "night it belongs to"),
            column("created_at", TIME, "when"),
            column(
                "read",
                WORD,
                "what its stage read, JSON: name in the plan, rows, problems, corpora, digest; null for a base and for what an "
                "older version trained, which counts as having read its whole release",
            ),
            COMMIT_ID,
        ],
        metadata={"comment": "registry of trained models"},
    ),
    "stage_rows": pa.schema(
        [
            column("checkpoint_id", WORD, "model whose stage read it"),
            column("sample_id", WORD, "row of its release; null for a problem without one"),
            column("problem_id", WORD, "the row's problem, or the problem itself"),
            column("part", WORD, "row (its text was learned) or problem (only its problem was asked)"),
            COMMIT_ID,
        ],
        metadata={"comment": "what each training stage really read, by id; without its text"},
    ),
    "curves": pa.schema(
        [
            column("checkpoint_id", WORD, "model that was trained"),
            column("stage", WORD, "cpt, sft, preference or rl"),
            column("step", INT, "optimiser step at which it was logged"),
            column("metric", WORD, "loss, reward, grad_norm, learning_rate, entropy, ... as the trainer names it"),
            column("value", FLOAT, "mean since the entry before"),
            COMMIT_ID,
        ],
        metadata={"comment": "loss and reward curves of every training"},
    ),
    "evaluations": pa.schema(
        [
            column("evaluation_id", WORD, "checkpoint and evaluation set"),
            column("checkpoint_id", WORD, "model that answered"),
            column("set_version", WORD, "digest of the items"),
            column("problem_id", WORD, "item"),
            column("task", WORD, "kind of problem"),
            column("tier", INT, "difficulty"),
            column("mode", WORD, "greedy or sampled"),
            column("sample", INT, "0, 1, ... among the sampled"),
            column("response", TEXT, "what it answered; the last reply where it was played in turns"),
            column("turns", CHAT, "turns between the question and the response; null where it was asked once"),
            column("answer", TEXT, "final answer found"),
            column("outcome", WORD, "correct, wrong or unverifiable"),
            column("finish_reason", WORD, "stop, length, or error where the request failed; null in older rows"),
            column(
                "judge",
                WORD,
                "version of the judge and of the task's checker that decided the outcome; null in older rows",
            ),
            column("night", WORD, "night it belongs to"),
            COMMIT_ID,
        ],
        metadata={"goes_with": "problem", "comment": "every response to every held-out item"},
    ),
    "evaluation_sets": pa.schema(
        [
            column("set_version", WORD, "digest of the items"),
            column("name", WORD, "what it is for: promotion, and the night that decides by it"),
            column("problem_id", WORD, "item"),
            column("night", WORD, "night it was put together for"),
            COMMIT_ID,
        ],
        metadata={"comment": "which items stand in which version of an evaluation set"},
    ),
    "promotion_looks": pa.schema(
        [
            column("set_version", WORD, "the items that were looked at"),
            column("incumbent", WORD, "checkpoint that was compared with"),
            column("candidate", WORD, "checkpoint that asked"),
            column("look", INT, "1 for items that no decision had looked at before"),
            column("level", FLOAT, "level of the test, after spending for earlier looks"),
            column("items", INT, "how many items"),
            column("night", WORD, "night it belongs to"),
            column("created_at", TIME, "when"),
            COMMIT_ID,
        ],
        metadata={"comment": "every decision that looked at a promotion set, and the level that it spent"},
    ),
    "pruned": pa.schema(
        [
            column("checkpoint_id", WORD, "checkpoint whose folder was removed; its row in checkpoints stays"),
            column("path", WORD, "the folder, relative to the workspace"),
            column("bytes", INT, "how large it was"),
            column("reason", WORD, "why it could go"),
            column("removed_at", TIME, "when"),
            COMMIT_ID,
        ],
        metadata={"comment": "checkpoint folders that were removed"},
    ),
    "promotions": pa.schema(
        [
            column("candidate", WORD, "checkpoint that asked"),
            column("incumbent", WORD, "checkpoint it was compared with"),
            column("decision", WORD, "promoted (also by a person, or by a rollback), refused, undecided or waiting"),
            column("reason", NOTE, "why, in a sentence"),
            column("figures", WORD, "counts, accuracies, intervals and p value, JSON"),
            column("night", WORD, "night it belongs to"),
            column("created_at", TIME, "when"),
            COMMIT_ID,
        ],
        metadata={"comment": "decisions about which model is the student; the last promoted one is"},
    ),
}
