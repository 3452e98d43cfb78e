"""A workspace as the last version of format 2 wrote it: its tables by plain statements, and a release with its files."""

import json
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from storage.catalog.catalog import attach, catalog_of
from storage.catalog.duck import connect
from storage.catalog.evolution import known_tables, sql_type
from storage.releases.content import ContentHash, content_lines
from storage.releases.shards import ShardWriter
from storage.workspace import Workspace

NIGHT = "2026-01-01/r"
CALL = "c" * 64
_NEW = {"evaluations", "evidence", "promotion_looks", "samples"}
_THEN = {
    "samples": "sample_id varchar, attempt_id varchar, night varchar, method varchar, kind varchar, problem_id varchar, "
    "task varchar, source varchar, tier bigint, position bigint, origin varchar, models varchar[], parents varchar[], "
    'prompts varchar[], messages struct("role" varchar, "content" varchar)[], response varchar, rejected varchar, '
    "text varchar, steps varchar[], labels boolean[], answer varchar, attrs varchar, tokens bigint, commit_id varchar",
    "judgements": "sample_id varchar, aspect varchar, score bigint, reason varchar, call_id varchar, model varchar, "
    "night varchar, commit_id varchar",
    "perplexities": "sample_id varchar, logprob double, tokens bigint, reason varchar, call_id varchar, model varchar, "
    "night varchar, commit_id varchar",
    "trials": "problem_id varchar, model varchar, sampling varchar, trial varchar, outcome varchar, night varchar, "
    "commit_id varchar",
    "evaluations": "evaluation_id varchar, checkpoint_id varchar, set_version varchar, problem_id varchar, task varchar, "
    "tier bigint, mode varchar, sample bigint, response varchar, answer varchar, outcome varchar, night varchar, commit_id varchar",
    "looks": "set_version varchar, incumbent varchar, candidate varchar, look bigint, level double, items bigint, "
    "night varchar, created_at timestamptz, commit_id varchar",
}
"""Tables that had other columns then, or are gone."""

JUDGEMENTS = [
    {"sample_id": "s0", "aspect": "clarity", "score": 4, "call_id": CALL, "model": "judge@1", "night": NIGHT},
    {"sample_id": "s1", "aspect": "clarity", "reason": "budget", "night": NIGHT},
]
PERPLEXITIES = [
    {"sample_id": "s0", "logprob": -2.5, "tokens": 5, "call_id": CALL, "model": "scorer@1", "night": NIGHT},
    {"sample_id": "s1", "reason": "prompt_too_long", "night": NIGHT},
]
EVALUATION = {"evaluation_id": "e", "checkpoint_id": "k", "problem_id": "p0", "mode": "greedy", "outcome": "correct"}
TRIALS = [
    {
        "problem_id": "p0",
        "model": "m@1",
        "sampling": '{"temperature": 1.0}',
        "trial": trial,
        "outcome": outcome,
        "night": NIGHT,
    }
    for trial, outcome in ((CALL, "correct"), ("rl:1", "wrong"), ("rl:2", "unverifiable"))
]


def write(workspace: Workspace) -> None:
    """Fill a new workspace, and say that it has format 2."""
    catalog = catalog_of(workspace)
    with catalog.lock("lake"):
        connection = connect(catalog.extension, data_path=workspace.data_path)
        attach(connection, workspace, catalog, read_only=False)
        for name, schema in known_tables().items():
            if name not in _NEW:
                columns = ", ".join(f'"{field.name}" {sql_type(field.type)}' for field in schema)
                connection.execute(f"create table {name} ({columns})")
        for name, columns in _THEN.items():
            connection.execute(f"create table {name} ({columns})")
        connection.execute("create view pass_rates as select problem_id, count(*) as tries from trials group by all")
        for seq, (key, tables) in enumerate(_commits(workspace).items(), 1):
            _commit(connection, seq, key, tables)
        connection.close()
    workspace.config["format"] = 2
    workspace.write_config()
    catalog.set_note("schema", json.dumps({"format": 2, "digest": "of then", "views": ["pass_rates"]}))


def _commits(workspace: Workspace) -> dict[str, dict[str, list[dict[str, Any]]]]:
    samples = [
        {"sample_id": f"s{n}", "attempt_id": f"a{n}", "night": NIGHT, "method": "cot", "kind": "sft", "problem_id": "p0",
         "task": "sums", "source": "s", "messages": [{"role": "user", "content": "1 + 1?"}], "response": f"It is {n}.",
         "parents": [], "attrs": "{}", "tokens": 3}
        for n in range(4)
    ]  # fmt: skip
    decisions = [
        ("accepted", None),
        ("accepted", None),
        ("rejected", "judge:low_clarity"),
        ("rejected", "own_rule:too_long"),
    ]
    verdicts = [
        {"sample_id": f"s{n}", "filter": name, "version": "1", "outcome": outcome, "reason": reason, "night": NIGHT}
        for n, (outcome, reason) in enumerate(decisions)
        for name, outcome, reason in (("policy", outcome, reason), ("own_rule", "pass", None), ("judge", "pass", None))
    ]  # fmt: skip
    attempts = [
        {"attempt_id": f"a{n}", "night": NIGHT, "method": "cot", "problem_id": "p0", "status": status, "samples": 1}
        for n in range(4) for status in ("planned", "done")
    ]  # fmt: skip
    problem = {"problem_id": "p0", "task": "sums", "split": "train", "prompt": "1 + 1?", "gold": "2", "license": "MIT"}
    return {
        "one": {"problems": [problem], "attempts": attempts, "samples": samples, "verdicts": verdicts},
        "judge": {"judgements": JUDGEMENTS}, "perplexity": {"perplexities": PERPLEXITIES}, "trials": {"trials": TRIALS},
        "look": {"looks": [{"set_version": "v", "candidate": "k", "look": 1, "night": NIGHT}]},
        "evaluation": {"evaluations": [EVALUATION]},
        "release": _release(workspace, samples[:2]),
    }  # fmt: skip


def _commit(connection: Any, seq: int, key: str, tables: dict[str, list[dict[str, Any]]]) -> None:
    rows = sum(map(len, tables.values()))
    connection.execute(
        "insert into commits values (?, ?, ?, ?, ?, ?, ?)", [key, seq, key, key, NIGHT, rows, datetime.now(UTC)]
    )
    for name, entries in tables.items():
        names = list(dict.fromkeys(column for entry in entries for column in entry))
        incoming = pa.Table.from_pylist([{**dict.fromkeys(names), **entry, "commit_id": key} for entry in entries])
        connection.register("incoming", incoming)
        columns = ", ".join(f'"{column}"' for column in incoming.column_names)
        connection.execute(f"insert into {name} ({columns}) select {columns} from incoming")
        connection.unregister("incoming")


def _release(workspace: Workspace, samples: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    folder = workspace.folder("releases", "set", "1")
    table = pa.Table.from_pylist(
        [{"rejected": None, "text": None, "steps": None, "labels": None, **row} for row in samples]
    )
    writer, content = ShardWriter(folder), ContentHash()
    for batch in table.to_batches():
        content.add(b"".join(content_lines(batch)))
        writer.write(batch)
    manifest = {
        "release": "set@1", "rows": 2, "tokens": 6, "content_hash": content.hexdigest(), "files": writer.close(),
        "at_seq": 5, "condition": "true", "by_method": {"cot": 2}, "by_origin": {"model": 2}, "licenses": {"MIT": 2},
        "by_method_and_source": [{"method": "cot", "source": "s", "rows": 2, "tokens": 6}],
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))
    row = {
        "release_id": "set@1", "name": "set", "version": 1, "at_seq": 5, "condition": "true", "rows": 2,
        "content_hash": manifest["content_hash"], "path": "releases/set/1", "manifest": json.dumps(manifest),
    }  # fmt: skip
    return {"releases": [row], "release_rows": [{"release_id": "set@1", "sample_id": f"s{n}"} for n in range(2)]}
