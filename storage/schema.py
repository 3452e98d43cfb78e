"""The tables of the lake, as Arrow schemas with a comment per table and column.

Every table is append-only and every row carries the `commit_id` it came with. What is new, what was there when, and
what a release holds are decided by joining `commits`, never by the files' own history.
"""

import pyarrow as pa

FORMAT_VERSION = 2
"""Format of a workspace. A newer one is refused, an older one is migrated."""

_message = pa.struct([("role", pa.string()), ("content", pa.string())])


def _field(name: str, type_: pa.DataType, comment: str) -> pa.Field:
    return pa.field(name, type_, metadata={"comment": comment})


_S, _I, _F, _B = pa.string(), pa.int64(), pa.float64(), pa.bool_()
_T = pa.timestamp("us", tz="UTC")
_commit = _field("commit_id", _S, "commit this row came with")

COMMITS = pa.schema(
    [
        _field("commit_id", _S, "identity of the commit"),
        _field("seq", _I, "1, 2, 3, ... in order of commit"),
        _field("key", _S, "idempotency key: a second commit under it changes nothing"),
        _field("kind", _S, "what was committed: problems, samples, curate, release, checkpoint, ..."),
        _field("night", _S, "night (date/recipe), null outside a night"),
        _field("rows", _I, "rows committed, all tables together"),
        _field("created_at", _T, "when"),
    ],
    metadata={"comment": "append-only list of everything that was ever committed"},
)

TABLES: dict[str, pa.Schema] = {
    "problems": pa.schema(
        [
            _field("problem_id", _S, "content identity: task, prompt, gold answer"),
            _field("task", _S, "kind of problem: arithmetic, knights_knaves, math_word"),
            _field("source", _S, "where it comes from, for example gsm8k"),
            _field(
                "split",
                _S,
                "train; never trained on: heldout (promotion is tested on it), validation (choices are made on it), benchmark",
            ),
            _field("tier", _I, "difficulty; for puzzles the number of people"),
            _field("prompt", _S, "the question"),
            _field("gold", _S, "the final answer"),
            _field("solution", _S, "a worked solution, null when there is none"),
            _field("structure_id", _S, "digest of the canonical structure: equal for the same problem in other words"),
            _field("structure", _S, "the canonical structure"),
            _field("license", _S, "SPDX identifier or unknown"),
            _field("attrs", _S, "what else the task needs, JSON"),
            _field("night", _S, "night that drew it first"),
            _commit,
        ],
        metadata={"comment": "questions with checkable answers"},
    ),
    "attempts": pa.schema(
        [
            _field("attempt_id", _S, "identity: night, method, parameters, problem, repetition"),
            _field("night", _S, "night: logical date and recipe, 2026-11-23/nightly"),
            _field("method", _S, "synthesis method"),
            _field("problem_id", _S, "problem it is about"),
            _field("repetition", _I, "0, 1, ... for the same problem and method"),
            _field("shard", _I, "shard of the night it belongs to"),
            _field("status", _S, "planned, then done or failed"),
            _field("reason", _S, "stable word for why it failed, null otherwise"),
            _field("detail", _S, "the failure in words"),
            _field("samples", _I, "samples it made"),
            _field("calls", _I, "model calls it asked, found in the ledger or not"),
            _commit,
        ],
        metadata={"comment": "one problem, one method, one repetition; two rows each: planned, and what became of it"},
    ),
    "calls": pa.schema(
        [
            _field("call_id", _S, "content key of the call"),
            _field("model", _S, "identity of the model (digest of weights, or declared name and revision)"),
            _field("role", _S, "role it was first asked in: student, teacher, ..."),
            _field("act", _S, "what was asked: solve, correct, critique, ..."),
            _field("messages", pa.list_(_message), "the rendered chat"),
            _field("sampling", _S, "sampling parameters, JSON"),
            _field("sample", _S, "explicit sample number, repetition.sample"),
            _field("response", _S, "what the model answered"),
            _field("finish_reason", _S, "stop or length"),
            _field("prompt_tokens", _I, "tokens read"),
            _field("completion_tokens", _I, "tokens written"),
            _field("origin", _S, "made, or imported"),
            _field("night", _S, "night that paid for it, null when imported"),
            _field("created_at", _T, "when the answer was recorded"),
            _field("method", _S, "method whose attempt made it; other methods that asked the same found it"),
            _field("reasoning", _S, "what a reasoning model thought before it answered, kept apart from the answer"),
            _field("cached_tokens", _I, "tokens read that the server had in its prefix cache; part of prompt_tokens"),
            _field(
                "seconds", _F, "server time, from the request to its last byte; calls overlap, so sums exceed the clock"
            ),
            _field("cost", _F, "what it cost, at the prices of the night that made it"),
            _field("ledger", _S, "identity of the ledger (the machine) that published it"),
            _commit,
        ],
        metadata={"comment": "published history of the ledger: every finished model call, once"},
    ),
    "samples": pa.schema(
        [
            _field("sample_id", _S, "identity: attempt and position"),
            _field("attempt_id", _S, "attempt that made it"),
            _field("night", _S, "night: logical date and recipe, 2026-11-23/nightly"),
            _field("method", _S, "synthesis method"),
            _field("kind", _S, "sft, preference, prompt, text or stepwise"),
            _field("problem_id", _S, "problem it is about"),
            _field("task", _S, "kind of problem"),
            _field("source", _S, "where the problem comes from"),
            _field("tier", _I, "difficulty of the problem"),
            _field("position", _I, "0, 1, ... within the attempt"),
            _field("origin", _S, "who wrote the answer: model, rule (a solver) or gold (the data set's own)"),
            _field("models", pa.list_(_S), "identities of the models that wrote parts of it"),
            _field("parents", pa.list_(_S), "call_ids behind it, in order"),
            _field("prompts", pa.list_(_S), "prompt files used, name@digest"),
            _field("messages", pa.list_(_message), "chat for sft and stepwise; prompt part for preference"),
            _field("response", _S, "the answer that is learned, as text"),
            _field("rejected", _S, "the worse answer of a preference pair"),
            _field("text", _S, "plain text for continued pre-training"),
            _field("steps", pa.list_(_S), "steps of a stepwise row"),
            _field("labels", pa.list_(_B), "whether each step is right"),
            _field("answer", _S, "final answer the row claims"),
            _field(
                "notes", _S, "what the method says to filters and training, JSON (synth/notes.py); null in older rows"
            ),
            _field("attrs", _S, "columns of the method's own, JSON"),
            _field("tokens", _I, "length in whitespace-separated words (a model-free token count)"),
            _commit,
        ],
        metadata={"comment": "rows written by the methods, accepted or not"},
    ),
    "verdicts": pa.schema(
        [
            _field("sample_id", _S, "sample observed"),
            _field("filter", _S, "filter, or policy for the decision"),
            _field("version", _S, "version of the filter or policy"),
            _field("outcome", _S, "pass, fail or unknown; for policy accepted or rejected"),
            _field("reason", _S, "stable word for why not; null on pass"),
            _field("detail", _S, "what was found, JSON (for duplicates: kept id and similarity)"),
            _field("night", _S, "night that judged"),
            _commit,
        ],
        metadata={
            "comment": "observations of filters, and the policy's decision (filter = policy; the last one holds)"
        },
    ),
    "signatures": pa.schema(
        [
            _field("sample_id", _S, "accepted sample"),
            _field("method", _S, "rows are compared within a method and task"),
            _field("task", _S, "kind of problem"),
            _field("exact", _S, "digest of the normal form"),
            _field("scheme", _S, "how the signature was made: permutations, hash, seed, shingle"),
            _field("minhash", pa.list_(pa.uint32()), "MinHash signature"),
            _commit,
        ],
        metadata={"comment": "what near-duplicate search needs of every row ever accepted"},
    ),
    "trials": pa.schema(
        [
            _field("problem_id", _S, "problem that was asked"),
            _field("model", _S, "identity of the model that tried"),
            _field("sampling", _S, "its sampling parameters without the seed, JSON"),
            _field("trial", _S, "what tells this trial from others: the call_id, or where a rollout came from"),
            _field("outcome", _S, "correct, wrong or unverifiable"),
            _field("night", _S, "night it belongs to"),
            _commit,
        ],
        metadata={"comment": "checked attempts of models at problems: what pass rates are counted from"},
    ),
    "alarms": pa.schema(
        [
            _field("night", _S, "night whose release stopped"),
            _field("event", _S, "raised, or accepted by someone who has looked"),
            _field("method", _S, "method whose rows were removed"),
            _field("filter", _S, "filter that removed them"),
            _field("rows", _I, "rows of the method"),
            _field("removed", _I, "rows that the filter removed"),
            _field("share", _F, "share of the rows that it may remove"),
            _field("reasons", _S, "how many by reason, JSON"),
            _field("examples", pa.list_(_S), "sample ids of some of them"),
            _field("note", _S, "what whoever accepted it had to say"),
            _field("created_at", _T, "when"),
            _commit,
        ],
        metadata={"comment": "filters that removed more of a method than they may, and who accepted it"},
    ),
    "judgements": pa.schema(
        [
            _field("sample_id", _S, "sample that was judged"),
            _field("aspect", _S, "correctness or clarity"),
            _field("score", _I, "1 (worst) to 5; null when none could be read"),
            _field("reason", _S, "stable word for why there is no score"),
            _field("call_id", _S, "the call behind it"),
            _field("model", _S, "identity of the judge"),
            _field("night", _S, "night that asked"),
            _commit,
        ],
        metadata={
            "comment": "what a judge model said of rows; whether it may reject by it is in the verdicts of the filter judge"
        },
    ),
    "perplexities": pa.schema(
        [
            _field("sample_id", _S, "sample that was scored"),
            _field("logprob", _F, "sum of the natural log-probabilities of the tokens of what is learned"),
            _field("tokens", _I, "tokens that were scored; perplexity is exp(-logprob / tokens)"),
            _field("reason", _S, "stable word for why there is no score"),
            _field("call_id", _S, "the call behind it"),
            _field("model", _S, "identity of the model"),
            _field("night", _S, "night that asked"),
            _commit,
        ],
        metadata={"comment": "how likely rows are to the model of the filter perplexity"},
    ),
    "releases": pa.schema(
        [
            _field("release_id", _S, "name@version"),
            _field("name", _S, "data set"),
            _field("version", _I, "1, 2, 3, ..."),
            _field("at_seq", _I, "commit up to which it reads"),
            _field("condition", _S, "the SQL condition"),
            _field("rows", _I, "rows named"),
            _field("content_hash", _S, "digest of the sorted sample ids and their content"),
            _field("path", _S, "Parquet export, relative to the workspace"),
            _field("manifest", _S, "the whole manifest, JSON"),
            _field("night", _S, "night that made it"),
            _field("created_at", _T, "when"),
            _commit,
        ],
        metadata={"comment": "named, immutable sets of accepted rows"},
    ),
    "release_rows": pa.schema(
        [_field("release_id", _S, "release"), _field("sample_id", _S, "row it names"), _commit],
        metadata={"comment": "which rows a release names"},
    ),
    "checkpoints": pa.schema(
        [
            _field("checkpoint_id", _S, "digest of weights, tokenizer and template"),
            _field("stage", _S, "base, or the kind of stage that made it: cpt, sft, preference, rl, ..."),
            _field("parent", _S, "checkpoint it was trained from, null for a base"),
            _field("release_id", _S, "release it was trained on, null for a base"),
            _field("path", _S, "Hugging Face folder, relative to the workspace"),
            _field("config", _S, "configuration of the stage, JSON"),
            _field("metrics", _S, "loss, tokens, CPU seconds, JSON"),
            _field("code_version", _S, "version of Nightschool"),
            _field("night", _S, "night it belongs to"),
            _field("created_at", _T, "when"),
            _field(
                "read",
                _S,
                "what its stage read, JSON: name in the plan, rows, problems, corpora, digest; null for a base and for what an "
                "older version trained, which counts as having read its whole release",
            ),
            _commit,
        ],
        metadata={"comment": "registry of trained models"},
    ),
    "stage_rows": pa.schema(
        [
            _field("checkpoint_id", _S, "model whose stage read it"),
            _field("sample_id", _S, "row of its release; null for a problem without one"),
            _field("problem_id", _S, "the row's problem, or the problem itself"),
            _field("part", _S, "row (its text was learned) or problem (only its problem was asked)"),
            _commit,
        ],
        metadata={"comment": "what each training stage really read, by id; without its text"},
    ),
    "curves": pa.schema(
        [
            _field("checkpoint_id", _S, "model that was trained"),
            _field("stage", _S, "cpt, sft, preference or rl"),
            _field("step", _I, "optimiser step at which it was logged"),
            _field("metric", _S, "loss, reward, grad_norm, learning_rate, entropy, ... as the trainer names it"),
            _field("value", _F, "mean since the entry before"),
            _commit,
        ],
        metadata={"comment": "loss and reward curves of every training"},
    ),
    "evaluations": pa.schema(
        [
            _field("evaluation_id", _S, "checkpoint and evaluation set"),
            _field("checkpoint_id", _S, "model that answered"),
            _field("set_version", _S, "digest of the items"),
            _field("problem_id", _S, "item"),
            _field("task", _S, "kind of problem"),
            _field("tier", _I, "difficulty"),
            _field("mode", _S, "greedy or sampled"),
            _field("sample", _I, "0, 1, ... among the sampled"),
            _field("response", _S, "what it answered"),
            _field("answer", _S, "final answer found"),
            _field("outcome", _S, "correct, wrong or unverifiable"),
            _field("night", _S, "night it belongs to"),
            _commit,
        ],
        metadata={"comment": "every response to every held-out item"},
    ),
    "evaluation_sets": pa.schema(
        [
            _field("set_version", _S, "digest of the items"),
            _field("name", _S, "what it is for: promotion, and the night that decides by it"),
            _field("problem_id", _S, "item"),
            _field("night", _S, "night it was put together for"),
            _commit,
        ],
        metadata={"comment": "which items stand in which version of an evaluation set"},
    ),
    "looks": pa.schema(
        [
            _field("set_version", _S, "the items that were looked at"),
            _field("incumbent", _S, "checkpoint that was compared with"),
            _field("candidate", _S, "checkpoint that asked"),
            _field("look", _I, "1 for items that no decision had looked at before"),
            _field("level", _F, "level of the test, after spending for earlier looks"),
            _field("items", _I, "how many items"),
            _field("night", _S, "night it belongs to"),
            _field("created_at", _T, "when"),
            _commit,
        ],
        metadata={"comment": "every decision that looked at a promotion set, and the level that it spent"},
    ),
    "pruned": pa.schema(
        [
            _field("checkpoint_id", _S, "checkpoint whose folder was removed; its row in checkpoints stays"),
            _field("path", _S, "the folder, relative to the workspace"),
            _field("bytes", _I, "how large it was"),
            _field("reason", _S, "why it could go"),
            _field("removed_at", _T, "when"),
            _commit,
        ],
        metadata={"comment": "checkpoint folders that were removed"},
    ),
    "promotions": pa.schema(
        [
            _field("candidate", _S, "checkpoint that asked"),
            _field("incumbent", _S, "checkpoint it was compared with"),
            _field("decision", _S, "promoted (also by a person, or by a rollback), refused, undecided or waiting"),
            _field("reason", _S, "why, in a sentence"),
            _field("figures", _S, "counts, accuracies, intervals and p value, JSON"),
            _field("night", _S, "night it belongs to"),
            _field("created_at", _T, "when"),
            _commit,
        ],
        metadata={"comment": "decisions about which model is the student; the last promoted one is"},
    ),
    "takedowns": pa.schema(
        [
            _field("takedown_id", _S, "digest of what was taken down"),
            _field("event", _S, "planned, then done: its text is in no file any more"),
            _field("kind", _S, "what was named: sample, problem or condition (which is not kept)"),
            _field("because", _S, "why, in the words of whoever did it"),
            _field("sample_ids", pa.list_(_S), "rows that are gone"),
            _field("problem_ids", pa.list_(_S), "problems that are gone"),
            _field("structure_ids", pa.list_(_S), "structures of these problems: no night draws one again"),
            _field("call_ids", pa.list_(_S), "calls that are gone, and are not asked again"),
            _field("contents", pa.list_(_S), "digests of what the rows held: the same text is not committed again"),
            _field("releases", pa.list_(_S), "releases that held one of the rows"),
            _field("checkpoints", pa.list_(_S), "models that read one of the rows, themselves or through an ancestor"),
            _field("created_at", _T, "when"),
            _commit,
        ],
        metadata={"comment": "what was removed for good, without its text; two rows each: planned and done"},
    ),
    "takedown_rows": pa.schema(
        [
            _field("takedown_id", _S, "takedown that removed them"),
            _field("in_table", _S, "table they stood in"),
            _field("of_commit", _S, "commit they had come with"),
            _field("rows", _I, "how many"),
            _commit,
        ],
        metadata={"comment": "rows that takedowns removed, by the commit they came with: the commits still add up"},
    ),
    "redactions": pa.schema(
        [
            _field("release_id", _S, "release whose files are gone"),
            _field("successor", _S, "release with the rows that are left, null when none are"),
            _field("takedown_id", _S, "takedown that asked for it"),
            _field("rows", _I, "rows left out"),
            _field("created_at", _T, "when"),
            _commit,
        ],
        metadata={"comment": "releases that a takedown replaced by a successor"},
    ),
    "runs": pa.schema(
        [
            _field("run_id", _S, "night or train, and the night"),
            _field("event", _S, "pinned, decided (whether to train), stopped or finished"),
            _field("night", _S, "night: logical date and recipe, 2026-11-23/nightly"),
            _field("recipe", _S, "name of the recipe"),
            _field("pinned", _S, "recipe, code, prompts, student and benchmarks by digest, JSON"),
            _field("summary", _S, "figures at the end, JSON"),
            _field("created_at", _T, "when"),
            _commit,
        ],
        metadata={"comment": "what each night was pinned to, and how it ended"},
    ),
}


def comment(item: pa.Schema | pa.Field) -> str:
    """Return the comment of a table's schema or of a column."""
    return str((item.metadata or {}).get(b"comment", b"").decode())
