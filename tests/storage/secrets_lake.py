"""A lake with one problem whose text must be gone, in every place that keeps text; and a search of every byte for it."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from storage.catalog.backup import back_up
from storage.lake.artefacts import record_artefact
from storage.lake.lake import Lake, table_of
from storage.ledger.ledger import Call, Ledger
from storage.ledger.published import publish
from storage.releases.handover import open_table
from storage.releases.making import create_release
from storage.schema import TABLES, ties, writer
from storage.workspace import Workspace

SECRET = "Zyxomma petiolatum"
NIGHT = "2026-01-01/r"


def problem(name: str, text: str) -> dict[str, Any]:
    return {
        "problem_id": f"p{name}", "task": "math_word", "source": "s", "split": "train", "tier": 1, "prompt": text, "gold": text,
        "structure_id": f"structure-{name}", "structure": text, "license": "MIT", "attrs": "{}", "night": NIGHT,
    }  # fmt: skip


def sample(name: str, text: str, **more: Any) -> dict[str, Any]:
    return {
        "sample_id": name, "attempt_id": f"a{name}", "night": NIGHT, "method": "cot", "kind": "sft", "problem_id": f"p{name}",
        "task": "math_word", "source": "s", "tier": 1, "position": 0, "origin": "model", "models": ["m@1"],
        "parents": [f"call-{name}"], "messages": [{"role": "user", "content": text}], "response": f"It is {text}.",
        "answer": text, "notes": json.dumps({"attempt": {"text": text}}), "attrs": json.dumps({"seen": text}), "words": 2, **more,
    }  # fmt: skip


def call(key: str, text: str, **more: Any) -> Call:
    asked = ({"role": "user", "content": f"Solve: {text}"},)
    return Call(key, "m@1", "student", "solve", asked, {}, "0.0", f"It is {text}.", "stop", 1, 1, night=NIGHT, **more)


def rows_of(names: dict[str, str]) -> dict[str, pa.Table]:
    """Accepted rows by name and text, with what every table with text says about them or their problems."""
    tables: dict[str, list[dict[str, Any]]] = {
        "problems": [problem(name, text) for name, text in names.items()],
        "samples": [sample(name, text) for name, text in names.items()],
        "attempts": [
            {"attempt_id": f"a{name}", "night": NIGHT, "method": "cot", "problem_id": f"p{name}", "status": status,
             "samples": 1, "detail": text}
            for name, text in names.items() for status in ("planned", "done")
        ],
        "verdicts": [
            {"sample_id": name, "filter": filter_, "outcome": outcome, "detail": json.dumps({"found": text}), "night": NIGHT}
            for name, text in names.items() for filter_, outcome in (("answer", "pass"), ("policy", "accepted"))
        ],
        "signatures": [{"sample_id": name, "method": "cot", "exact": name} for name in names],
        "evidence": [
            row
            for name, text in names.items()
            for row in (
                {"subject": "sample", "subject_id": name, "kind": "rubric", "text": text, "call_ids": [f"call-judge-{name}"]},
                {"subject": "problem", "subject_id": f"p{name}", "kind": "topic", "text": text},
            )
        ],
        "evaluations": [{"evaluation_id": "e", "problem_id": f"p{name}", "response": text} for name, text in names.items()],
    }  # fmt: skip
    for name in sorted({tie.table for tie in ties()} - {*tables, "calls"}):
        tables[name] = [row for key, text in names.items() for row in _about(name, key, text)]
    return {name: table_of(name, rows) for name, rows in tables.items()}


def _about(table: str, name: str, text: str) -> list[dict[str, Any]]:
    """Rows of a table that this file knows nothing of: the text in every column that may hold it, and the ids it is tied by."""
    ids = {"sample": name, "problem": f"p{name}", "call": f"call-{name}"}
    schema = TABLES[table]
    texts = {field.name: _in_type(field.type, text) for field in schema if writer(field) == "model"}
    return [
        {**texts, tie.column: ids[tie.kind], **({"subject": tie.subject} if tie.subject else {})}
        for tie in ties()
        if tie.table == table
    ]


def _in_type(type_: pa.DataType, text: str) -> Any:
    if pa.types.is_list(type_):
        return [_in_type(type_.value_type, text)]
    if pa.types.is_struct(type_):
        return {field.name: text for field in type_}
    return text


def build(workspace: Workspace) -> None:
    """Forty plain rows and a secret one in files, then a plain and a secret one in the catalogue; releases, models, files."""
    plain = {f"r{number:02}": f"plain {number}" for number in range(40)}
    with Lake(workspace) as lake, Ledger(workspace.ledger) as ledger:
        lake.commit("one", "samples", rows_of({**plain, "s1": f"{SECRET} one"}), night=NIGHT)
        for key, problem, text in (("plain", "pr00", "plain 0"), ("secret", "ps1", f"{SECRET} one")):
            record_artefact(
                lake, key, json.dumps({"shown": [text]}), night=NIGHT, method="few_shot", problem_ids=[problem, "pr01"],
                call_ids=[], prompts=[],
            )  # fmt: skip
        create_release(lake, "plain", night=NIGHT, condition="sample_id like 'r%'")
        create_release(lake, "set", night=NIGHT, condition="sample_id <> 's2'")
        lake.commit("two", "samples", rows_of({"late": "plain late", "s2": f"{SECRET} two"}), night=NIGHT)
        release = create_release(lake, "set", night=NIGHT)
        assert release is not None and open_table(release).num_rows == 43
        secret_texts = {
            f"{kind}{number}": f"{SECRET} {word}"
            for kind in ("s", "judge-s")
            for number, word in ((1, "one"), (2, "two"))
        }
        behind = {**plain, "late": "plain late", **secret_texts}
        ledger.add([call(f"call-{name}", text) for name, text in behind.items()], published=False)
        publish(ledger, lake, NIGHT)
        ledger.add([call("call-open", f"{SECRET} one"), call("call-plain", "plain")], published=False)
        models = [
            {"checkpoint_id": f"model-{number}", "stage": "sft", "parent": parent, "path": f"checkpoints/{number}",
             "release_id": release_id}
            for number, parent, release_id in ((0, None, "set@2"), (1, "model-0", "plain@1"))
        ]  # fmt: skip
        for number in (0, 1):
            workspace.folder("checkpoints", str(number))
        summary = json.dumps({"release": "set@2", "loss_masks": {"sft": f"<|user|>{SECRET}"}, "trained": True})
        run = {"run_id": f"train/{NIGHT}", "event": "finished", "night": NIGHT, "summary": summary}
        lake.commit(
            "train", "finish", {"runs": table_of("runs", [run]), "checkpoints": table_of("checkpoints", models)}
        )
        with lake.lock():
            back_up(workspace, lake.catalog, "mine")
    pq.write_table(pa.table({"text": [SECRET]}), workspace.folder("checkpoints") / ".sft-1.rows.parquet")
    (workspace.folder("spill") / "left").write_text(SECRET)
    (workspace.folder("reports") / "2026-01-01-r.html").write_text(f"<p>{SECRET}</p>")
    making = workspace.folder("releases", "set", ".9.making", "data")
    pq.write_table(pa.table({"text": [SECRET]}), making / "cot-00000.parquet")


def places(root: Path, secret: str = SECRET) -> set[str]:
    """Files under a folder that hold the secret: its bytes, or, in Parquet files, what they decode to."""
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix() for path in files if _holds(path, secret)}


def _holds(path: Path, secret: str) -> bool:
    if secret.encode() in path.read_bytes():
        return True
    return path.suffix == ".parquet" and secret in str(pq.read_table(path).to_pylist())
