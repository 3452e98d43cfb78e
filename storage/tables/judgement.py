"""What filters, models and people said of rows."""

import pyarrow as pa

from storage.tables.columns import COMMIT_ID, FLOAT, INT, NOTE, TEXT, TIME, WORD, WORDS, column

TABLES: dict[str, pa.Schema] = {
    "verdicts": pa.schema(
        [
            column("sample_id", WORD, "sample observed"),
            column("filter", WORD, "filter, or policy for the decision"),
            column("version", WORD, "version of the filter or policy"),
            column("outcome", WORD, "pass, fail or unknown; for policy accepted or rejected"),
            column("reason", WORD, "stable word for why not; null on pass"),
            column("detail", TEXT, "what was found, JSON (for duplicates: kept id and similarity)"),
            column("night", WORD, "night of the row, whenever it was said"),
            COMMIT_ID,
        ],
        metadata={
            "goes_with": "sample",
            "comment": "observations of filters, and the policy's decision (filter = policy; the last one holds)",
        },
    ),
    "signatures": pa.schema(
        [
            column("sample_id", WORD, "accepted sample"),
            column("method", WORD, "rows are compared within a method and task"),
            column("task", WORD, "kind of problem"),
            column("exact", WORD, "digest of the normal form"),
            column("scheme", WORD, "how the signature was made: permutations, hash, seed, shingle"),
            column("minhash", pa.list_(pa.uint32()), "MinHash signature"),
            COMMIT_ID,
        ],
        metadata={"goes_with": "sample", "comment": "what near-duplicate search needs of every row ever accepted"},
    ),
    "evidence": pa.schema(
        [
            column("subject", WORD, "what it is about: sample or problem"),
            column("subject_id", WORD, "which one"),
            column("kind", WORD, "what was measured: rubric, perplexity, trial, or what a filter of yours measures"),
            column("name", WORD, "what of it: the aspect of a rubric, which trial"),
            column("model", WORD, "identity of the model that was asked"),
            column("version", WORD, "how it was asked: version of the filter, or sampling parameters of a trial, JSON"),
            column("value", FLOAT, "the number; null when there is none"),
            column("text", TEXT, "what is no number: the outcome of a trial, or why there is no value"),
            column("call_ids", WORDS, "the calls behind it"),
            column("night", WORD, "night that asked"),
            COMMIT_ID,
        ],
        metadata={
            "goes_with": "subject",
            "comment": "what models were asked about rows and problems, a row per answer; only what has the same kind, name, "
            "model and version compares",
        },
    ),
    "alarms": pa.schema(
        [
            column("night", WORD, "night whose release stopped"),
            column("event", WORD, "raised, or accepted by someone who has looked"),
            column("method", WORD, "method whose rows were removed"),
            column("filter", WORD, "filter that removed them"),
            column("rows", INT, "rows of the method"),
            column("removed", INT, "rows that the filter removed"),
            column("share", FLOAT, "share of the rows that it may remove"),
            column("reasons", WORD, "how many by reason, JSON"),
            column("examples", WORDS, "sample ids of some of them"),
            column("note", NOTE, "what whoever accepted it had to say"),
            column("created_at", TIME, "when"),
            COMMIT_ID,
        ],
        metadata={"comment": "filters that removed more of a method than they may, and who accepted it"},
    ),
    "reviews": pa.schema(
        [
            column("review_id", WORD, "identity, made where it was written: sent twice it counts once"),
            column("sample_id", WORD, "row that a person looked at"),
            column("verdict", WORD, "accept or reject; null for a note alone"),
            column("note", TEXT, "what the person wrote, which may quote the row"),
            column("reviewer", NOTE, "who"),
            column("draw_id", WORD, "fair sample that the row was dealt in, null for one that was picked"),
            column(
                "decision",
                WORD,
                "what the filters and the policy had decided then, people aside: accepted, rejected, or undecided",
            ),
            column("created_at", TIME, "when"),
            COMMIT_ID,
        ],
        metadata={"goes_with": "sample", "comment": "what people said of rows; of one person's the last holds"},
    ),
    "review_draws": pa.schema(
        [
            column("draw_id", WORD, "the fair sample"),
            column("position", INT, "0, 1, ... in the order in which rows are shown"),
            column("sample_id", WORD, "row that was drawn"),
            column("method", WORD, "method whose rows were drawn from, null for all"),
            column("population", INT, "decided rows that were drawn from"),
            column("seed", INT, "seed of the draw"),
            column("created_at", TIME, "when"),
            COMMIT_ID,
        ],
        metadata={"comment": "rows dealt to reviewers by chance, whatever was decided about them"},
    ),
}
