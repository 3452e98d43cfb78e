"""The window over 1,000,000 rows, in Chromium.

    python benchmarks/ui.py [--json] [--quick]

A new lake of 1,000,000 rows (about 1.4 KB each, a problem for every tenth, two verdicts for each, a fifth of them rejected for
one of five reasons) in 20 commits, the window served by a process of its own, and a browser that opens pages again and again:

ui_first_paint_ms     until the page of all rows is painted (first contentful paint since the navigation began), its list in it
ui_filter_ms          the same after a filter: the slower of one by two columns and one by an SQL condition that nobody asked before
ui_filter_text_ms     the same for a condition over the answers' text, which is read from the lake
ui_search_ms          the same for a text that is looked for in everything that 1,000,000 rows say
ui_review_row_ms      from the key that judges a row of a fair sample of 100 until the next row is there: the median, with a
                      driven browser
ui_review_100_s       the same for all 100, each judged as soon as it is there: no person reads so fast
ui_row_ms             until the dialogue and the verdicts of a row are there, rows picked at random
ui_open_s             until the window answers after its start
ui_memory_mb          what the process that holds the rows takes (resident)

Medians of `--rounds`. Result: `benchmarks/results/ui.json`.
"""

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import duckdb  # noqa: E402
import psutil  # noqa: E402
import pyarrow as pa  # noqa: E402

from benchmarks.lake import METHODS, text_pool  # noqa: E402
from benchmarks.shared.results import circumstances, keep  # noqa: E402
from storage.browse.rows import PAGE  # noqa: E402
from storage.lake.lake import Lake  # noqa: E402
from storage.lake.reviews import draw  # noqa: E402
from storage.schema import TABLES  # noqa: E402
from storage.tables.columns import MESSAGE  # noqa: E402
from storage.workspace import Workspace  # noqa: E402

PER_COMMIT = 50_000
REVIEWED = 100
REASONS = (
    "answer:wrong_answer",
    "near_duplicates:near_duplicate",
    "length:too_long",
    "caps:per_problem",
    "structure:broken_text",
)
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]


_PIECES = 4096
_BATCH = f"""
select md5('row' || i) as sample_id, md5('problem' || i // 10) as problem_id, $methods[1 + i % 4] as method, 1 + i % 3 as tier,
       if(i % 5 = $number % 5, $reasons[1 + i // 5 % 5], null) as reason,
       first[1 + (hash(i) % {_PIECES})::bigint] || second[1 + (hash(i + 1) % {_PIECES})::bigint] as response,
       first[1 + (hash(i // 10) % {_PIECES})::bigint][:200] as prompt, 100 + (hash(i + 2) % 200)::bigint as words
from pieces, range($number::bigint * {PER_COMMIT}, ($number::bigint + 1) * {PER_COMMIT}) t(i)
"""
"""The rows of one commit, told apart by what stands where in their answers."""


def rows_of(name: str, columns: dict[str, Any], count: int) -> pa.Table:
    """A table of the lake from some of its columns; a single value stands for all rows, the others are null."""
    arrays = {}
    for field in TABLES[name]:
        value = columns.get(field.name)
        if isinstance(value, pa.ChunkedArray):
            arrays[field.name] = value.cast(field.type)
        elif field.name != "commit_id":
            arrays[field.name] = pa.repeat(pa.scalar(value, field.type), count)
    return pa.table(arrays)


def chats(prompts: pa.ChunkedArray) -> pa.ChunkedArray:
    """A chat of one message of the user for each prompt."""
    count = len(prompts)
    given = {"role": pa.repeat("user", count), "content": prompts.combine_chunks()}
    columns = [given.get(field.name, pa.nulls(count, field.type)) for field in MESSAGE]
    messages = pa.StructArray.from_arrays(columns, fields=list(MESSAGE))
    return pa.chunked_array([pa.ListArray.from_arrays(pa.array(range(count + 1), pa.int32()), messages)])


def commit(lake: Lake, number: int, connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Commit one night's rows, made by DuckDB, and return the ids of some of them."""
    night = f"2026-{1 + number // 28:02d}-{1 + number % 28:02d}/bench"
    given = {"number": number, "methods": list(METHODS), "reasons": list(REASONS)}
    made = connection.execute(_BATCH, given).to_arrow_table()
    count = made.num_rows
    common = {"sample_id": made["sample_id"], "night": night}
    decided = connection.execute(
        "select if(reason is null, 'accepted', 'rejected') as outcome from made"
    ).to_arrow_table()
    problems = made.take(pa.array(range(0, count, 10)))
    tables = {
        "samples": rows_of("samples", {
            **common, "attempt_id": made["sample_id"], "method": made["method"], "kind": "sft", "problem_id": made["problem_id"],
            "task": "math_word", "source": "made", "tier": made["tier"], "position": 0, "origin": "model", "models": ["m"],
            "parents": [], "prompts": ["solve@1"], "messages": chats(made["prompt"]), "response": made["response"], "answer": "1",
            "attrs": "{}", "words": made["words"],
        }, count),
        "verdicts": pa.concat_tables([
            rows_of("verdicts", {**common, "filter": "answer", "version": "1", "outcome": "pass"}, count),
            rows_of("verdicts", {**common, "filter": "policy", "version": "1", "reason": made["reason"],
                                 "outcome": decided["outcome"]}, count),
        ]),
        "problems": rows_of("problems", {
            "problem_id": problems["problem_id"], "task": "math_word", "source": "made", "split": "train", "tier": 1,
            "license": "MIT", "night": night, "prompt": problems["prompt"], "gold": "1", "structure_id": problems["problem_id"],
        }, problems.num_rows),
    }  # fmt: skip
    lake.commit(f"bench:{number}", "samples", tables, night=night)
    return list(made["sample_id"][::5000].to_pylist())


def build(workspace: Workspace, commits: int) -> tuple[list[str], str]:
    """Fill a lake, and return the ids of some of its rows, and a fair sample of them for review."""
    ids: list[str] = []
    pool, connection = text_pool(random.Random(1)), duckdb.connect()
    halves = [[pool[at : at + 550] for at in range(start, start + 550 * _PIECES, 550)] for start in (0, 97)]
    connection.execute("create table pieces as select ? as first, ? as second", halves)
    with Lake(workspace) as lake:
        for number in range(commits):
            ids += commit(lake, number, connection)
        return ids, draw(lake, None, REVIEWED)


@contextmanager
def window(workspace: Workspace, detail: dict[str, Any]) -> Iterator[str]:
    """The window in a process of its own; gives its first address."""
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    command = [sys.executable, "-m", "flows.cli", "ui", "--port", "0", "--workspace", str(workspace.root)]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        detail["open_s"] = time.perf_counter() - started
        (holder,) = (
            child
            for child in psutil.Process(process.pid).children()
            if "storage.browse.closed" in " ".join(child.cmdline())
        )
        detail["memory_mb"] = holder.memory_info().rss / 2**20
        yield address
    finally:
        process.terminate()
        process.wait()


def painted(page: Any, address: str) -> float:
    """Open a page and return the milliseconds until it was painted, its list in it."""
    page.goto(address)
    page.wait_for_selector(".count", state="attached")
    if page.query_selector(".fault"):  # given up after the time that a question may take
        return float("inf")
    return float(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))


def median(measure: Callable[[int], float], rounds: int, detail: dict[str, Any], name: str) -> float:
    """Median of some rounds, after one to warm up."""
    measure(-1)
    detail[name] = [round(measure(number), 1) for number in range(rounds)]
    return statistics.median(detail[name])


def review(page: Any, address: str, detail: dict[str, Any]) -> float:
    """Judge a fair sample by keys, each row as soon as it is there, and return the seconds that it took."""
    page.goto(address)
    waits, started = [], 0.0
    for number in range(REVIEWED):
        row = page.wait_for_selector(f"#list li:nth-child({number % PAGE + 1}).now a")
        page.wait_for_selector(f'.judging[data-id="{row.get_attribute("data-id")}"]')
        if number:
            waits.append((time.perf_counter() - started) * 1000)
        started = time.perf_counter()
        page.keyboard.press("r" if number % 4 == 3 else "a")
        if number % PAGE == PAGE - 1 and number < REVIEWED - 1:  # the verdict on a page's last row turns it
            page.wait_for_url("**start=**")
    page.locator("#saying", has_text="recorded").wait_for(state="attached")
    detail["review_row_ms"] = [round(wait, 1) for wait in waits]
    return sum(waits) / 1000


def measure(first: str, ids: list[str], sample: str, rounds: int, detail: dict[str, Any]) -> dict[str, float]:
    """Open pages in Chromium."""
    from playwright.sync_api import sync_playwright

    base, rng = first.split("/?")[0], random.Random(3)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
        page.set_default_timeout(120_000)
        page.goto(first)

        def where(condition: str) -> float:
            return painted(page, f"{base}/rows?where={quote(condition)}")

        def row(_: int) -> float:
            page.goto(f"{base}/row/{rng.choice(ids)}")
            page.wait_for_selector(".judging", state="attached")
            return float(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))

        columns = [f"outcome=rejected&method={method}" for method in METHODS]
        figures = {
            "all": median(lambda _: painted(page, f"{base}/rows"), rounds, detail, "all"),
            "columns": median(lambda n: painted(page, f"{base}/rows?{columns[n % 4]}"), rounds, detail, "columns"),
            "condition": median(
                lambda n: where(f"words > {200 + n} and outcome = 'rejected'"), rounds, detail, "condition"
            ),
            "text": median(lambda n: where(f"len(response) > {1099 - 2 * n}"), min(rounds, 5), detail, "text"),
            "search": median(
                lambda n: painted(page, f"{base}/rows?q=qu{'abcdefgh'[n]}"), min(rounds, 5), detail, "search"
            ),
            "row": median(row, rounds, detail, "row"),
            "review": review(page, f"{base}/rows?draw={sample}", detail),
        }
        browser.close()
    return {
        "ui_first_paint_ms": figures["all"], "ui_filter_ms": max(figures["columns"], figures["condition"]),
        "ui_filter_text_ms": figures["text"], "ui_search_ms": figures["search"], "ui_row_ms": figures["row"],
        "ui_review_100_s": figures["review"], "ui_review_row_ms": statistics.median(detail["review_row_ms"]),
        "ui_open_s": detail["open_s"], "ui_memory_mb": detail["memory_mb"],
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object with the figures")
    parser.add_argument("--quick", action="store_true", help="100,000 rows; writes no result")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--lake", type=Path, metavar="FOLDER", help="a workspace to keep: made once, used again")
    options = parser.parse_args()
    commits = 2 if options.quick else 20
    detail: dict[str, Any] = {"rows": commits * PER_COMMIT, "commits": commits}
    with tempfile.TemporaryDirectory(prefix="nightschool-bench-") as folder:
        workspace = Workspace.scratch(options.lake or Path(folder) / "w")
        started = time.perf_counter()
        ids, sample = build(workspace, commits)
        detail["build_s"] = round(time.perf_counter() - started, 1)
        print(f"{detail['rows']:,} rows in {detail['build_s']} s", file=sys.stderr)
        with window(workspace, detail) as first:
            figures = measure(first, ids, sample, options.rounds, detail)
    figures = {name: round(value, 1) for name, value in figures.items()}
    about = {
        "versions": {name: version(name) for name in ("duckdb", "starlette", "uvicorn", "playwright")},
        **circumstances(),
    }
    if not options.quick:
        keep("ui", {**figures, "detail": detail, "about": about})
    print(json.dumps(figures) if options.json else json.dumps({**figures, "detail": detail}, indent=2))


if __name__ == "__main__":
    main()
