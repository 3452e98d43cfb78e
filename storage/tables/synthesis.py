"""What methods wrote: attempts, calls, samples, artefacts."""

import pyarrow as pa

from storage.tables.columns import BOOL, CHAT, COMMIT_ID, FLOAT, INT, TEXT, TEXTS, TIME, WORD, WORDS, column

TABLES: dict[str, pa.Schema] = {
    "attempts": pa.schema(
        [
            column("attempt_id", WORD, "identity: night, method, parameters, problem, repetition"),
            column("night", WORD, "night: logical date and recipe, 2026-11-23/nightly"),
            column("method", WORD, "synthesis method"),
            column("problem_id", WORD, "problem it is about"),
            column("repetition", INT, "0, 1, ... for the same problem and method"),
            column("shard", INT, "shard of the night it belongs to"),
            column("status", WORD, "planned, then done or failed"),
            column("reason", WORD, "stable word for why it failed, null otherwise"),
            column("detail", TEXT, "the failure in words"),
            column("samples", INT, "samples it made"),
            column("calls", INT, "model calls it asked, found in the ledger or not"),
            COMMIT_ID,
        ],
        metadata={
            "goes_with": "problem",
            "comment": "one problem, one method, one repetition; two rows each: planned, and what became of it",
        },
    ),
    "calls": pa.schema(
        [
            column("call_id", WORD, "content key of the call"),
            column("model", WORD, "identity of the model (digest of weights, or declared name and revision)"),
            column("role", WORD, "role it was first asked in: student, teacher, ..."),
            column("act", WORD, "what was asked: solve, correct, critique, ..."),
            column("messages", CHAT, "the rendered chat"),
            column("sampling", WORD, "sampling parameters, JSON"),
            column("sample", WORD, "explicit sample number, repetition.sample"),
            column("response", TEXT, "what the model answered"),
            column("finish_reason", WORD, "stop or length; another word is why a paid answer could not be used"),
            column("prompt_tokens", INT, "tokens read"),
            column("completion_tokens", INT, "tokens written"),
            column("origin", WORD, "made, or imported"),
            column("night", WORD, "night that paid for it, null when imported"),
            column("created_at", TIME, "when the answer was recorded"),
            column("method", WORD, "method whose attempt made it; other methods that asked the same found it"),
            column("reasoning", TEXT, "what a reasoning model thought before it answered, kept apart from the answer"),
            column("cached_tokens", INT, "tokens read that the server had in its prefix cache; part of prompt_tokens"),
            column(
                "seconds",
                FLOAT,
                "server time, from the request to its last byte; calls overlap, so sums exceed the clock",
            ),
            column("cost", FLOAT, "what it cost, at the prices of the night that made it"),
            column(
                "thought_tokens",
                INT,
                "tokens written that were thoughts, part of completion_tokens; by their share of the characters where the server "
                "does not count them; null in rows of before",
            ),
            column("ledger", WORD, "identity of the ledger (the machine) that published it"),
            COMMIT_ID,
        ],
        metadata={"goes_with": "call", "comment": "published history of the ledger: every finished model call, once"},
    ),
    "samples": pa.schema(
        [
            column("sample_id", WORD, "identity: attempt and position"),
            column("attempt_id", WORD, "attempt that made it"),
            column("night", WORD, "night: logical date and recipe, 2026-11-23/nightly"),
            column("method", WORD, "synthesis method"),
            column("kind", WORD, "sft, preference, prompt, text or stepwise"),
            column("problem_id", WORD, "problem it is about"),
            column("task", WORD, "kind of problem"),
            column("source", WORD, "where the problem comes from"),
            column("tier", INT, "difficulty of the problem"),
            column("position", INT, "0, 1, ... within the attempt"),
            column("origin", WORD, "who wrote the answer: model, rule (a solver) or gold (the data set's own)"),
            column("models", WORDS, "identities of the models that wrote parts of it"),
            column(
                "licenses",
                WORDS,
                "of each of `models` its licence or terms, as the night's recipe said, or unknown; null in older rows",
            ),
            column("parents", WORDS, "call_ids behind it, in order"),
            column("prompts", WORDS, "prompt files used, name@digest"),
            column("messages", CHAT, "chat for sft and stepwise; prompt part for preference"),
            column(
                "tools",
                WORD,
                "tools that the chat may call, JSON schemas as OpenAI writes them; null where there are none",
            ),
            column("response", TEXT, "the answer that is learned, as text"),
            column("rejected", TEXT, "the worse answer of a preference pair"),
            column("text", TEXT, "plain text for continued pre-training"),
            column("steps", TEXTS, "steps of a stepwise row"),
            column("labels", pa.list_(BOOL), "whether each step is right"),
            column("answer", TEXT, "final answer the row claims"),
            column(
                "gold_source",
                WORD,
                "who says what is right: data, rule, vote, judge, model (that made the question or answers alike), none; null in "
                "older rows",
            ),
            column(
                "notes",
                TEXT,
                "what the method says to filters and training, JSON (synth/notes.py); null in older rows",
            ),
            column("attrs", TEXT, "columns of the method's own, JSON"),
            column("words", INT, "length in words separated by white space"),
            column(
                "tokens",
                INT,
                "length in tokens of the model that learns, without its template's marks; null: not known, see words",
            ),
            COMMIT_ID,
        ],
        metadata={"goes_with": "problem", "comment": "rows written by the methods, accepted or not"},
    ),
    "artefacts": pa.schema(
        [
            column("artefact_key", WORD, "digest of what it depends on: night, method, parameters, prompts, sources"),
            column(
                "artefact_id", WORD, "digest of its value; rows name it among their prompts, method/artefact@digest"
            ),
            column("night", WORD, "night that it belongs to"),
            column("method", WORD, "method that prepared it"),
            column("value", TEXT, "the artefact, JSON; null when something that it was made from was taken down"),
            column("problem_ids", WORDS, "problems that it was made from"),
            column("call_ids", WORDS, "calls behind it"),
            column("prompts", WORDS, "prompts that were used, name@digest"),
            COMMIT_ID,
        ],
        metadata={"goes_with": "redacted", "comment": "what methods that see the whole set prepared, once a night"},
    ),
}
