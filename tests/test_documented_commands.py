"""Every command that a page shows ends well, here or in the first hour, and prints what the page says where it says it."""

import copy
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.demo import plain_training
from benchmarks.soaking.plain import plain_nights
from flows.cli import app
from flows.recipe.recipe import make_recipe
from flows.report.progress import Progress
from flows.train import run_training
from storage.ids import digest
from storage.lake.lake import Lake
from storage.lake.reviews import Review, record_reviews
from storage.workspace import Workspace
from tests.doc_commands import LONG, NOT_RUN, OTHERS, ROOT, START, commands, differs, files, is_long, outputs, why_not
from tests.extension.installing import install
from tests.flows.test_training import TINY

PAGES = sorted([*START, *OTHERS], key=lambda page: page.name == "lake.md")
"""Start pages first; that which tells of takedowns and restoring last, since releases are others after it."""
DATES = ("2026-01-01", "2026-01-02")


OWN_METHOD = r"nightschool (methods|try) brief\b.*"
"""Commands that need the method which docs/methods.md writes."""


def documented() -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        for command in commands(page):
            yield page, command


def test_each_command_has_somebody_who_runs_it():
    """What neither the first hour nor this file can run stands in a table with its reason, and that table is short."""
    lines = [command for _, command in documented()]
    assert len(lines) >= 120
    for command in lines:
        assert why_not(command) or is_long(command) or command.startswith("nightschool "), f"who runs {command!r}?"
    for pattern in [*LONG, *NOT_RUN]:
        assert any(re.fullmatch(pattern, command, re.S) for command in lines), f"no page has {pattern}"
    for file in re.findall(r"[\w/-]+/[\w/-]+\.(?:py|md)", " ".join(NOT_RUN.values())):
        assert (ROOT / file).exists(), file
    assert sum(why_not(command) is not None for command in lines) <= 25


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder as a reader has it after two small nights: the checkout's files, a workspace, and files of their own."""
    folder = tmp_path_factory.mktemp("documented")
    for name in ("recipes", "docs", "prefect.yaml"):
        (folder / name).symlink_to(ROOT / name)
    for page in START:
        for name, content in files(page).items():
            (folder / name).write_text(content)
    (folder / "recipe.yaml").write_text((folder / "mine.yaml").read_text())
    message = {"messages": [{"role": "user", "content": "2 + 3?"}], "response": "5"}
    (folder / "old.jsonl").write_text(json.dumps(message) + "\n")
    body = {"model": "gpt-5", "messages": message["messages"]}
    asked = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": body}
    choice = {"index": 0, "message": {"role": "assistant", "content": "5"}, "finish_reason": "stop"}
    body = {"model": "gpt-5", "choices": [choice], "usage": {"prompt_tokens": 4, "completion_tokens": 1}}
    answered = {"custom_id": "a", "response": {"status_code": 200, "body": body}, "error": None}
    (folder / "batch_input.jsonl").write_text(json.dumps(asked) + "\n")
    (folder / "batch_output.jsonl").write_text(json.dumps(answered) + "\n")
    return folder


@pytest.fixture(scope="module")
def looked_up(folder) -> dict[str, str]:
    """What a reader looks up in the workspace and puts in the place of a name on the page."""
    import asyncio

    content = {**copy.deepcopy(TINY), "name": "nightly", "dataset": "reasoning"}
    recipe, root = make_recipe(content, folder=folder), folder / ".nightschool"
    asyncio.run(plain_nights(recipe, [DATES[0]], root))
    with plain_training():
        run_training(recipe, DATES[0], Workspace.open(root), Progress(quiet=True))
    asyncio.run(plain_nights(recipe, [DATES[1]], root))
    with Lake(Workspace.open(root)) as lake:
        first, other = lake.rows(
            "select sample_id, problem_id, prompt from accepted s join problems using (problem_id) limit 2"
        )
        (model,) = lake.rows("select checkpoint_id from checkpoints where stage = 'sft'")
        record_reviews(lake, [Review(digest("review"), other["sample_id"], "ada", "accept", "")])
        (last,) = lake.rows("select max(seq) as seq from commits")
    return {
        "SAMPLE_ID": first["sample_id"], "PROBLEM_ID": first["problem_id"], "CHECKPOINT": model["checkpoint_id"],
        "--as-of 412": f"--as-of {last['seq']}", "--as-of 2026-11-23": f"--as-of {datetime.now(UTC):%Y-%m-%d}",
        "--night 2026-11-23": f"--night {DATES[0]}", "Jane Doe": other["prompt"][:40].replace("'", "''"),
    }  # fmt: skip


def test_the_commands_of_the_pages_end_well(folder, looked_up, monkeypatch):
    """In the order of the pages, each line once; a command that asks is told yes, a prompt is left."""
    monkeypatch.chdir(folder)
    for name in ("NIGHTSCHOOL_WORKSPACE", "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)
    runner, failures, ran = CliRunner(env={"COLUMNS": "120", "NO_COLOR": "1", "BROWSER": "true"}), [], 0
    shown = {command: text for page in OTHERS for command, text in outputs(page).items()}
    shown |= {
        command: text.splitlines()[0] for page in START for command, text in outputs(page).items()
    }  # the demo has the rest
    for command in dict.fromkeys(command for _, command in documented()):
        if why_not(command) or is_long(command) or re.fullmatch(OWN_METHOD, command):
            continue
        line = command
        for name, value in looked_up.items():
            line = line.replace(name, value)
        backups = sorted(folder.glob(".nightschool/backups/before-the-move-*"))
        line = re.sub(r"before-the-move-\d\S+", backups[-1].name if backups else "no-backup", line)
        result = runner.invoke(app, shlex.split(line)[1:], input=".quit\n" if command == "nightschool sql" else "y\n")
        ran += 1
        wrong = result.exit_code != 0 and f"exit {result.exit_code} {result.stderr[-400:]} {result.exception!r}"
        wrong = wrong or (
            command in shown and (missing := differs(shown[command], result.stdout)) and f"no line {missing}"
        )
        if wrong:
            failures.append(f"{line}\n    {wrong}")
    assert ran >= 60 and not failures, "\n".join(failures)


def test_the_method_that_the_page_writes_can_be_installed_and_tried(tmp_path):
    page = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")
    package, site = tmp_path / "yours", tmp_path / "site"
    package.mkdir()
    (package / "__init__.py").touch()
    for name, language, first in (("brief.py", "python", ""), ("brief.jinja", "jinja", r"\{# brief\.jinja")):
        blocks = re.findall(rf"```{language}\n({first}.*?)```", page, re.S)
        (package / name).write_text(next(block for block in blocks if "brief" in block))
    environment = install(site, "yours", {"nightschool.methods": {"brief": "yours.brief:brief"}})
    environment = {**os.environ, **environment, "PYTHONPATH": f"{environment['PYTHONPATH']}:{tmp_path}"}
    for command in commands(ROOT / "docs" / "methods.md"):
        if re.fullmatch(OWN_METHOD, command):
            words = [sys.executable, "-m", "flows.cli", *shlex.split(command)[1:]]
            done = subprocess.run(words, env=environment, capture_output=True, text=True, cwd=tmp_path)
            assert done.returncode == 0 and "brief" in done.stdout, f"{command}\n{done.stderr[-1000:]}"


def test_a_shown_output_is_compared_but_for_figures_times_paths_and_hashes():
    printed = "night 2026-01-02, 2,300 rows in 4.5 s\n│ cot │ 17 │\nreport: /tmp/a/b.html (62faca6b371d)\n"
    assert differs("night 2026-01-09, 10 rows in 1 s\nreport: .nightschool/c.html (0123456789ab)", printed) is None
    assert differs("night 2026-01-09, 10 rows in 1 s\n...\n| gold | 17 |", printed) == "| gold | 17 |"
    assert differs("report: /x\nnight 2026-01-02, 1 rows in 1 s", printed) == "report: /x"
