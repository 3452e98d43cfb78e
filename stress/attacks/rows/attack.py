"""Passes one hostile row through what every row passes: the source, the judge, a prompt, a commit, a report, a terminal, CSV."""

import csv
import io
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flows.report.json_text import to_json
from flows.report.terminal import visible
from flows.report.text import shown
from flows.report.unseen import UNSEEN
from storage.errors import NightschoolError
from storage.lake.lake import Lake, table_of
from storage.sql.run import run_sql
from storage.workspace import Workspace
from synth.answers.judge import judge
from synth.calls.ask import clean
from synth.calls.prompting import Prompts
from synth.problems import open_source

csv.field_size_limit(1 << 30)
LONGEST_S, LONGEST_CPU_S = 300.0, 30.0
"""How long one row may take on a machine that is busy, and of that in this process."""


def attack(entry: Mapping[str, Any], folder: Path) -> str | None:
    """Try one row; return what happened that must not."""
    canary = folder / "canary"
    row = {name: _text(value, canary) for name, value in entry["row"].items()}
    answer = _text(entry.get("answer", row.get("answer", "")), canary)
    began, cpu = time.monotonic(), time.process_time()
    broken = _through(row, answer, folder)
    if canary.exists():
        return "it ran: the canary is there"
    took, own = time.monotonic() - began, time.process_time() - cpu
    if broken is None and (took > LONGEST_S or own > LONGEST_CPU_S):
        return f"it took {took:.0f} s, {own:.0f} s of them here"
    return broken


def _text(value: Any, canary: Path) -> str:
    if isinstance(value, dict):
        return str(value["text"]) * int(value["times"])
    return str(value).replace("<canary>", str(canary))


def _through(row: Mapping[str, str], answer: str, folder: Path) -> str | None:
    (folder / "rows.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    try:
        problems = open_source("file", {"path": str(folder / "rows.jsonl"), "mapping": "gsm8k"}).draw(1, seed=0)
    except NightschoolError:
        problems = []
    for problem in problems:
        if _squeezed(row["question"]) not in _squeezed(Prompts().text("solve", {"problem": problem})):
            return "the prompt does not hold the question as it stands"
    check = judge(row.get("gold", "4"), answer)
    if check.reason is None and row.get("gold", "4") not in answer:
        return "an answer that says nothing of the kind was judged right"
    text = clean("\n".join([*row.values(), answer]))
    return _kept(text, folder) or _looked_at(text)


def _squeezed(text: str) -> str:
    return "".join(clean(text.replace("\0", "")).split())  # a source removes NUL


def _kept(text: str, folder: Path) -> str | None:
    """Commit it, and read it back by SQL."""
    workspace = Workspace.create(folder / "workspace")
    with Lake(workspace) as lake:
        rows = [{"problem_id": "p", "task": "math_word", "source": "s", "prompt": text, "gold": "4", "night": "n"}]
        lake.commit("attack", "problems", {"problems": table_of("problems", rows)}, night="n")
    read = run_sql(workspace, "select prompt from problems").column(0).to_pylist()
    return None if read == [text] else "the lake gives back another text"


def _looked_at(text: str) -> str | None:
    """Show it in a report, on a terminal, as JSON and CSV."""
    page = str(shown(text))
    if "<script" in page.lower() or "<img" in page.lower() or UNSEEN.search(page):
        return "the report would run or hide something"
    if UNSEEN.search(visible(text)):
        return "the terminal would be steered"
    if json.loads(to_json({"text": text})) != {"text": text}:
        return "JSON says another text"
    out = io.StringIO(newline="")
    csv.writer(out).writerow([text])
    return None if next(csv.reader(io.StringIO(out.getvalue(), newline=""))) == [text] else "CSV says another text"
