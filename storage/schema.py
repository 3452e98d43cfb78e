"""The tables of the lake, as Arrow schemas with a comment per table and column.

Every table is append-only and every row carries the `commit_id` it came with. What is new, what was there when, and
what a release holds are decided by joining `commits`, never by the files' own history.
"""

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

FORMAT_VERSION = 3
"""Format of a workspace. A newer one is refused, an older one is migrated."""

Writer = Literal["ours", "person", "model"]
"""Who wrote the strings of a column. `ours`: ids, digests, names, stable words. `person`: what whoever runs the nights wrote (a
recipe, a reason), which stays when rows are taken down. `model`: the text of problems and models, or what quotes it, which goes."""


@dataclass(frozen=True, slots=True)
class _Text:
    """Type of a column that holds strings, and who wrote them."""

    type: pa.DataType
    writer: Writer


def _field(name: str, type_: pa.DataType | _Text, comment: str) -> pa.Field:
    if isinstance(type_, _Text):
        return pa.field(name, type_.type, metadata={"comment": comment, "writer": type_.writer})
    return pa.field(name, type_, metadata={"comment": comment})


_WORD, _WORDS = _Text(pa.string(), "ours"), _Text(pa.list_(pa.string()), "ours")
_NOTE = _Text(pa.string(), "person")
_TEXT, _TEXTS = _Text(pa.string(), "model"), _Text(pa.list_(pa.string()), "model")
_CHAT = _Text(pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())])), "model")
_I, _F, _B = pa.int64(), pa.float64(), pa.bool_()
_T = pa.timestamp("us", tz="UTC")
_commit = _field("commit_id", _WORD, "commit this row came with")

COMMITS = pa.schema(
    [
        _field("commit_id", _WORD, "identity of the commit"),
        _field("seq", _I, "1, 2, 3, ... in order of commit"),
        _field("key", _WORD, "idempotency key: a second commit under it changes nothing"),
        _field("kind", _WORD, "what was committed: problems, samples, curate, release, checkpoint, ..."),
        _field("night", _WORD, "night (date/recipe), null outside a night"),
        _field("rows", _I, "rows committed, all tables together"),
        _field("created_at", _T, "when"),
    ],
    metadata={"comment": "append-only list of everything that was ever committed"},
)

TABLES: dict[str, pa.Schema] = {
    "problems": pa.schema(
        [
            _field("problem_id", _WORD, "content identity: task, prompt, gold answer"),
            _field("task", _WORD, "kind of problem: arithmetic, knights_knaves, math_word"),
            _field("source", _WORD, "where it comes from, for example gsm8k"),
            _field(
                "split",
                _WORD,
                "train; never trained on: heldout (promotion is tested on it), validation (choices are made on it), benchmark",
            ),
            _field("tier", _I, "difficulty; for puzzles the number of people"),
            _field("prompt", _TEXT, "the question"),
            _field("gold", _TEXT, "the final answer, empty where nobody knows it"),
            _field("gold_source", _WORD, "data, rule (made with the problem), or none; null in older rows"),
            _field("solution", _TEXT, "a worked solution, null when there is none"),
            _field(
                "structure_id", _WORD, "digest of the canonical structure: equal for the same problem in other words"
            ),
            _field("structure", _TEXT, "the canonical structure"),
            _field("license", _WORD, "SPDX identifier or unknown"),
            _field("attrs", _TEXT, "what else the task needs, JSON"),
            _field("night", _WORD, "night that drew it first"),
            _commit,
        ],
        metadata={"goes_with": "problem", "comment": "questions with checkable answers"},
    ),
    "left_out": pa.schema(
        [
            _field("night", _WORD, "night that drew"),
            _field("source", _WORD, "the recipe's name of the source"),
            _field("line", _I, "where the row stands in it"),
            _field(
                "reason",
                _WORD,
                "duplicate, conflicting_answer (the same question with another answer), bad_gold, contradicts_solution, ...",
            ),
            _field("kept_line", _I, "where the row stands that asks the same and was kept, null for none"),
            _commit,
        ],
        metadata={
            "comment": "rows of sources that made no problem, without their text (`nightschool plan --left-out` has it)"
        },
    ),
    "attempts": pa.schema(
        [
            _field("attempt_id", _WORD, "identity: night, method, parameters, problem, repetition"),
            _field("night", _WORD, "night: logical date and recipe, 2026-11-23/nightly"),
            _field("method", _WORD, "synthesis method"),
            _field("problem_id", _WORD, "problem it is about"),
            _field("repetition", _I, "0, 1, ... for the same problem and method"),
            _field("shard", _I, "shard of the night it belongs to"),
            _field("status", _WORD, "planned, then done or failed"),
            _field("reason", _WORD, "stable word for why it failed, null otherwise"),
            _field("detail", _TEXT, "the failure in words"),
            _field("samples", _I, "samples it made"),
            _field("calls", _I, "model calls it asked, found in the ledger or not"),
            _commit,
        ],
        metadata={
            "goes_with": "problem",
            "comment": "one problem, one method, one repetition; two rows each: planned, and what became of it",
        },
    ),
    "calls": pa.schema(
        [
            _field("call_id", _WORD, "content key of the call"),
            _field("model", _WORD, "identity of the model (digest of weights, or declared name and revision)"),
            _field("role", _WORD, "role it was first asked in: student, teacher, ..."),
            _field("act", _WORD, "what was asked: solve, correct, critique, ..."),
            _field("messages", _CHAT, "the rendered chat"),
            _field("sampling", _WORD, "sampling parameters, JSON"),
            _field("sample", _WORD, "explicit sample number, repetition.sample"),
            _field("response", _TEXT, "what the model answered"),
            _field("finish_reason", _WORD, "stop or length; another word is why a paid answer could not be used"),
            _field("prompt_tokens", _I, "tokens read"),
            _field("completion_tokens", _I, "tokens written"),
            _field("origin", _WORD, "made, or imported"),
            _field("night", _WORD, "night that paid for it, null when imported"),
            _field("created_at", _T, "when the answer was recorded"),
            _field("method", _WORD, "method whose attempt made it; other methods that asked the same found it"),
            _field("reasoning", _TEXT, "what a reasoning model thought before it answered, kept apart from the answer"),
            _field("cached_tokens", _I, "tokens read that the server had in its prefix cache; part of prompt_tokens"),
            _field(
                "seconds", _F, "server time, from the request to its last byte; calls overlap, so sums exceed the clock"
            ),
            _field("cost", _F, "what it cost, at the prices of the night that made it"),
            _field(
                "thought_tokens",
                _I,
                "tokens written that were thoughts, part of completion_tokens; by their share of the characters where the server "
                "does not count them; null in rows of before",
            ),
            _field("ledger", _WORD, "identity of the ledger (the machine) that published it"),
            _commit,
        ],
        metadata={"goes_with": "call", "comment": "published history of the ledger: every finished model call, once"},
    ),
    "samples": pa.schema(
        [
            _field("sample_id", _WORD, "identity: attempt and position"),
            _field("attempt_id", _WORD, "attempt that made it"),
            _field("night", _WORD, "night: logical date and recipe, 2026-11-23/nightly"),
            _field("method", _WORD, "synthesis method"),
            _field("kind", _WORD, "sft, preference, prompt, text or stepwise"),
            _field("problem_id", _WORD, "problem it is about"),
            _field("task", _WORD, "kind of problem"),
            _field("source", _WORD, "where the problem comes from"),
            _field("tier", _I, "difficulty of the problem"),
            _field("position", _I, "0, 1, ... within the attempt"),
            _field("origin", _WORD, "who wrote the answer: model, rule (a solver) or gold (the data set's own)"),
            _field("models", _WORDS, "identities of the models that wrote parts of it"),
            _field("parents", _WORDS, "call_ids behind it, in order"),
            _field("prompts", _WORDS, "prompt files used, name@digest"),
            _field("messages", _CHAT, "chat for sft and stepwise; prompt part for preference"),
            _field("response", _TEXT, "the answer that is learned, as text"),
            _field("rejected", _TEXT, "the worse answer of a preference pair"),
            _field("text", _TEXT, "plain text for continued pre-training"),
            _field("steps", _TEXTS, "steps of a stepwise row"),
            _field("labels", pa.list_(_B), "whether each step is right"),
            _field("answer", _TEXT, "final answer the row claims"),
            _field(
                "gold_source",
                _WORD,
                "who says what is right: data, rule, vote, judge, model (that made the question or answers alike), none; null in "
                "older rows",
            ),
            _field(
                "notes",
                _TEXT,
                "what the method says to filters and training, JSON (synth/notes.py); null in older rows",
            ),
            _field("attrs", _TEXT, "columns of the method's own, JSON"),
            _field("words", _I, "length in words separated by white space"),
            _field(
                "tokens",
                _I,
                "length in tokens of the model that learns, without its template's marks; null: not known, see words",
            ),
            _commit,
        ],
        metadata={"goes_with": "problem", "comment": "rows written by the methods, accepted or not"},
    ),
    "artefacts": pa.schema(
        [
            _field("artefact_key", _WORD, "digest of what it depends on: night, method, parameters, prompts, sources"),
            _field(
                "artefact_id", _WORD, "digest of its value; rows name it among their prompts, method/artefact@digest"
            ),
            _field("night", _WORD, "night that it belongs to"),
            _field("method", _WORD, "method that prepared it"),
            _field("value", _TEXT, "the artefact, JSON; null when something that it was made from was taken down"),
            _field("problem_ids", _WORDS, "problems that it was made from"),
            _field("call_ids", _WORDS, "calls behind it"),
            _field("prompts", _WORDS, "prompts that were used, name@digest"),
            _commit,
        ],
        metadata={"goes_with": "redacted", "comment": "what methods that see the whole set prepared, once a night"},
    ),
    "verdicts": pa.schema(
        [
            _field("sample_id", _WORD, "sample observed"),
            _field("filter", _WORD, "filter, or policy for the decision"),
            _field("version", _WORD, "version of the filter or policy"),
            _field("outcome", _WORD, "pass, fail or unknown; for policy accepted or rejected"),
            _field("reason", _WORD, "stable word for why not; null on pass"),
            _field("detail", _TEXT, "what was found, JSON (for duplicates: kept id and similarity)"),
            _field("night", _WORD, "night whose filters said it"),
            _commit,
        ],
        metadata={
            "goes_with": "sample",
            "comment": "observations of filters, and the policy's decision (filter = policy; the last one holds)",
        },
    ),
    "signatures": pa.schema(
        [
            _field("sample_id", _WORD, "accepted sample"),
            _field("method", _WORD, "rows are compared within a method and task"),
            _field("task", _WORD, "kind of problem"),
            _field("exact", _WORD, "digest of the normal form"),
            _field("scheme", _WORD, "how the signature was made: permutations, hash, seed, shingle"),
            _field("minhash", pa.list_(pa.uint32()), "MinHash signature"),
            _commit,
        ],
        metadata={"goes_with": "sample", "comment": "what near-duplicate search needs of every row ever accepted"},
    ),
    "evidence": pa.schema(
        [
            _field("subject", _WORD, "what it is about: sample or problem"),
            _field("subject_id", _WORD, "which one"),
            _field("kind", _WORD, "what was measured: rubric, perplexity, trial, or what a filter of yours measures"),
            _field("name", _WORD, "what of it: the aspect of a rubric, which trial"),
            _field("model", _WORD, "identity of the model that was asked"),
            _field(
                "version", _WORD, "how it was asked: version of the filter, or sampling parameters of a trial, JSON"
            ),
            _field("value", _F, "the number; null when there is none"),
            _field("text", _TEXT, "what is no number: the outcome of a trial, or why there is no value"),
            _field("call_ids", _WORDS, "the calls behind it"),
            _field("night", _WORD, "night that asked"),
            _commit,
        ],
        metadata={
            "goes_with": "subject",
            "comment": "what models were asked about rows and problems, a row per answer; only what has the same kind, name, "
            "model and version compares",
        },
    ),
    "alarms": pa.schema(
        [
            _field("night", _WORD, "night whose release stopped"),
            _field("event", _WORD, "raised, or accepted by someone who has looked"),
            _field("method", _WORD, "method whose rows were removed"),
            _field("filter", _WORD, "filter that removed them"),
            _field("rows", _I, "rows of the method"),
            _field("removed", _I, "rows that the filter removed"),
            _field("share", _F, "share of the rows that it may remove"),
            _field("reasons", _WORD, "how many by reason, JSON"),
            _field("examples", _WORDS, "sample ids of some of them"),
            _field("note", _NOTE, "what whoever accepted it had to say"),
            _field("created_at", _T, "when"),
            _commit,
        ],
        metadata={"comment": "filters that removed more of a method than they may, and who accepted it"},
    ),
    "reviews": pa.schema(
        [
            _field("review_id", _WORD, "identity, made where it was written: sent twice it counts once"),
            _field("sample_id", _WORD, "row that a person looked at"),
            _field("verdict", _WORD, "accept or reject; null for a note alone"),
            _field("note", _TEXT, "what the person wrote, which may quote the row"),
            _field("reviewer", _NOTE, "who"),
            _field("draw_id", _WORD, "fair sample that the row was dealt in, null for one that was picked"),
            _field("decision", _WORD, "the policy's decision then: accepted, rejected, or undecided"),
            _field("created_at", _T, "when"),
            _commit,
        ],
        metadata={"goes_with": "sample", "comment": "what people said of rows; of one person's the last holds"},
    ),
    "review_draws": pa.schema(
        [
            _field("draw_id", _WORD, "the fair sample"),
            _field("position", _I, "0, 1, ... in the order in which rows are shown"),
            _field("sample_id", _WORD, "row that was drawn"),
            _field("method", _WORD, "method whose rows were drawn from, null for all"),
            _field("population", _I, "decided rows that were drawn from"),
            _field("seed", _I, "seed of the draw"),
            _field("created_at", _T, "when"),
            _commit,
        ],
        metadata={"comment": "rows dealt to reviewers by chance, whatever was decided about them"},
    ),
    "releases": pa.schema(
        [
            _field("release_id", _WORD, "name@version"),
            _field("name", _WORD, "data set"),
            _field("version", _I, "1, 2, 3, ..."),
            _field("at_seq", _I, "commit up to which it reads"),
            _field("condition", _NOTE, "the SQL condition"),
            _field("rows", _I, "rows named"),
            _field("content_hash", _WORD, "digest of the sorted sample ids and their content"),
            _field("path", _WORD, "Parquet export, relative to the workspace"),
            _field("manifest", _NOTE, "the whole manifest, JSON"),
            _field("night", _WORD, "night that made it"),
            _field("created_at", _T, "when"),
            _commit,
        ],
        metadata={"comment": "named, immutable sets of accepted rows"},
    ),
    "release_rows": pa.schema(
        [_field("release_id", _WORD, "release"), _field("sample_id", _WORD, "row it names"), _commit],
        metadata={"comment": "which rows a release names"},
    ),
    "checkpoints": pa.schema(
        [
            _field("checkpoint_id", _WORD, "digest of weights, tokenizer and template"),
            _field("stage", _WORD, "base, or the kind of stage that made it: cpt, sft, preference, rl, ..."),
            _field("parent", _WORD, "checkpoint it was trained from, null for a base"),
            _field("release_id", _WORD, "release it was trained on, null for a base"),
            _field("path", _WORD, "Hugging Face folder, relative to the workspace"),
            _field("config", _NOTE, "configuration of the stage, JSON"),
            _field("metrics", _WORD, "loss, tokens, CPU seconds, JSON"),
            _field("code_version", _WORD, "version of Nightschool"),
            _field("night", _WORD, "night it belongs to"),
            _field("created_at", _T, "when"),
            _field(
                "read",
                _WORD,
                "what its stage read, JSON: name in the plan, rows, problems, corpora, digest; null for a base and for what an "
                "older version trained, which counts as having read its whole release",
            ),
            _commit,
        ],
        metadata={"comment": "registry of trained models"},
    ),
    "stage_rows": pa.schema(
        [
            _field("checkpoint_id", _WORD, "model whose stage read it"),
            _field("sample_id", _WORD, "row of its release; null for a problem without one"),
            _field("problem_id", _WORD, "the row's problem, or the problem itself"),
            _field("part", _WORD, "row (its text was learned) or problem (only its problem was asked)"),
            _commit,
        ],
        metadata={"comment": "what each training stage really read, by id; without its text"},
    ),
    "curves": pa.schema(
        [
            _field("checkpoint_id", _WORD, "model that was trained"),
            _field("stage", _WORD, "cpt, sft, preference or rl"),
            _field("step", _I, "optimiser step at which it was logged"),
            _field("metric", _WORD, "loss, reward, grad_norm, learning_rate, entropy, ... as the trainer names it"),
            _field("value", _F, "mean since the entry before"),
            _commit,
        ],
        metadata={"comment": "loss and reward curves of every training"},
    ),
    "evaluations": pa.schema(
        [
            _field("evaluation_id", _WORD, "checkpoint and evaluation set"),
            _field("checkpoint_id", _WORD, "model that answered"),
            _field("set_version", _WORD, "digest of the items"),
            _field("problem_id", _WORD, "item"),
            _field("task", _WORD, "kind of problem"),
            _field("tier", _I, "difficulty"),
            _field("mode", _WORD, "greedy or sampled"),
            _field("sample", _I, "0, 1, ... among the sampled"),
            _field("response", _TEXT, "what it answered"),
            _field("answer", _TEXT, "final answer found"),
            _field("outcome", _WORD, "correct, wrong or unverifiable"),
            _field("finish_reason", _WORD, "stop, length, or error where the request failed; null in older rows"),
            _field(
                "judge",
                _WORD,
                "version of the judge and of the task's checker that decided the outcome; null in older rows",
            ),
            _field("night", _WORD, "night it belongs to"),
            _commit,
        ],
        metadata={"goes_with": "problem", "comment": "every response to every held-out item"},
    ),
    "evaluation_sets": pa.schema(
        [
            _field("set_version", _WORD, "digest of the items"),
            _field("name", _WORD, "what it is for: promotion, and the night that decides by it"),
            _field("problem_id", _WORD, "item"),
            _field("night", _WORD, "night it was put together for"),
            _commit,
        ],
        metadata={"comment": "which items stand in which version of an evaluation set"},
    ),
    "promotion_looks": pa.schema(
        [
            _field("set_version", _WORD, "the items that were looked at"),
            _field("incumbent", _WORD, "checkpoint that was compared with"),
            _field("candidate", _WORD, "checkpoint that asked"),
            _field("look", _I, "1 for items that no decision had looked at before"),
            _field("level", _F, "level of the test, after spending for earlier looks"),
            _field("items", _I, "how many items"),
            _field("night", _WORD, "night it belongs to"),
            _field("created_at", _T, "when"),
            _commit,
        ],
        metadata={"comment": "every decision that looked at a promotion set, and the level that it spent"},
    ),
    "pruned": pa.schema(
        [
            _field("checkpoint_id", _WORD, "checkpoint whose folder was removed; its row in checkpoints stays"),
            _field("path", _WORD, "the folder, relative to the workspace"),
            _field("bytes", _I, "how large it was"),
            _field("reason", _WORD, "why it could go"),
            _field("removed_at", _T, "when"),
            _commit,
        ],
        metadata={"comment": "checkpoint folders that were removed"},
    ),
    "promotions": pa.schema(
        [
            _field("candidate", _WORD, "checkpoint that asked"),
            _field("incumbent", _WORD, "checkpoint it was compared with"),
            _field("decision", _WORD, "promoted (also by a person, or by a rollback), refused, undecided or waiting"),
            _field("reason", _NOTE, "why, in a sentence"),
            _field("figures", _WORD, "counts, accuracies, intervals and p value, JSON"),
            _field("night", _WORD, "night it belongs to"),
            _field("created_at", _T, "when"),
            _commit,
        ],
        metadata={"comment": "decisions about which model is the student; the last promoted one is"},
    ),
    "takedowns": pa.schema(
        [
            _field("takedown_id", _WORD, "digest of what was taken down"),
            _field("event", _WORD, "planned, then done: its text is in no file any more"),
            _field("kind", _WORD, "what was named: sample, problem or condition (which is not kept)"),
            _field("because", _NOTE, "why, in the words of whoever did it"),
            _field("sample_ids", _WORDS, "rows that are gone"),
            _field("problem_ids", _WORDS, "problems that are gone"),
            _field("structure_ids", _WORDS, "structures of these problems: no night draws one again"),
            _field("call_ids", _WORDS, "calls that are gone, and are not asked again"),
            _field("contents", _WORDS, "digests of what the rows held: the same text is not committed again"),
            _field("releases", _WORDS, "releases that held one of the rows"),
            _field("checkpoints", _WORDS, "models that read one of the rows, themselves or through an ancestor"),
            _field("created_at", _T, "when"),
            _commit,
        ],
        metadata={"comment": "what was removed for good, without its text; two rows each: planned and done"},
    ),
    "takedown_rows": pa.schema(
        [
            _field("takedown_id", _WORD, "takedown that removed them"),
            _field("in_table", _WORD, "table they stood in"),
            _field("of_commit", _WORD, "commit they had come with"),
            _field("rows", _I, "how many"),
            _commit,
        ],
        metadata={"comment": "rows that takedowns removed, by the commit they came with: the commits still add up"},
    ),
    "redactions": pa.schema(
        [
            _field("release_id", _WORD, "release whose files are gone"),
            _field("successor", _WORD, "release with the rows that are left, null when none are"),
            _field("takedown_id", _WORD, "takedown that asked for it"),
            _field("rows", _I, "rows left out"),
            _field("created_at", _T, "when"),
            _commit,
        ],
        metadata={"comment": "releases that a takedown replaced by a successor"},
    ),
    "runs": pa.schema(
        [
            _field("run_id", _WORD, "night or train, and the night"),
            _field("event", _WORD, "pinned, decided (whether to train), stopped or finished"),
            _field("night", _WORD, "night: logical date and recipe, 2026-11-23/nightly"),
            _field("recipe", _WORD, "name of the recipe"),
            _field("pinned", _NOTE, "recipe, code, prompts, student and benchmarks by digest, JSON"),
            _field("summary", _TEXT, "figures at the end, JSON"),
            _field("created_at", _T, "when"),
            _commit,
        ],
        metadata={"goes_with": "redacted", "comment": "what each night was pinned to, and how it ended"},
    ),
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
