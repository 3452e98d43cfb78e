"""A lake that an older version of the judge has decided: a release and a model of it; and what judges it again, to be killed.

`python -m tests.flows.night.older WORKSPACE COMMITS` judges history again and dies by -9 after so many of its commits.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa

from filters.base import VERDICTS
from filters.night.policy import decide
from filters.night.rejudge import KIND, judging_again
from filters.night.rules import Rules, read_rules
from flows.night.reverify_history import Request, carry_out
from storage.lake.lake import Lake, table_of
from storage.releases.making import create_release
from storage.workspace import Workspace
from synth.sample import problem_row
from tests.filters.helpers import row, table, word_problem

NIGHTS = ("2026-01-01/r", "2026-01-02/r")
ANSWERS = {"right": ("#### {gold}", "fail"), "wrong": ("#### {wrong}", "pass"), "same": ("#### {gold}", "pass")}
"""What rows answer, and what the older judge said of it."""


def rules() -> Rules:
    """The rules of the nights: the defaults."""
    return read_rules({}, {}, {})


def question(name: str, number: int) -> str:
    """What a row of a night asks; no two have eight words in a row."""
    tag = name + ("zero", "one")[number]
    return f"If {tag} has a {tag} and finds {tag} more, how many {tag} are there with {tag} after {tag} all counted?"


def write(workspace: Workspace, *, responses: dict[str, str] | None = None) -> None:
    """Per night a row that was rejected though it is right, one that was accepted though it is wrong, and one that stays.

    Args:
        workspace: A new one.
        responses: Other responses, by sample id.
    """
    with Lake(workspace) as lake:
        for number, night in enumerate(NIGHTS):
            _night(lake, number, night, responses or {})
        create_release(lake, "set", night=NIGHTS[-1])
        models = [
            {
                "checkpoint_id": name,
                "stage": "sft",
                "parent": parent,
                "release_id": release,
                "path": f"checkpoints/{name}",
            }
            for name, parent, release in (("base", None, None), ("first", "base", "set@1"), ("second", "first", None))
        ]
        lake.commit("models", "checkpoint", {"checkpoints": table_of("checkpoints", models)})


def _night(lake: Lake, number: int, night: str, responses: dict[str, str]) -> None:
    problems, rows, verdict_rows = [], [], []
    for index, (name, (response, outcome)) in enumerate(ANSWERS.items()):
        gold = 100 * number + 10 * index + 7
        problem = word_problem(question(name, number), str(gold))
        sample_id = f"{name}-{number}"
        answer = responses.get(sample_id, "I count them: " + response.format(gold=gold, wrong=gold + 1))
        problems.append(problem_row(problem, split="train", night=night))
        rows.append(row(sample_id, problem, answer, night=night))
        for bound in rules().filters:
            judged = bound.name == "answer"
            verdict_rows.append({
                "sample_id": sample_id, "filter": bound.name, "version": "1" if judged else bound.version,
                "outcome": outcome if judged else "pass", "reason": "wrong_answer" if judged and outcome == "fail" else None,
            })  # fmt: skip
    samples, verdicts = table(*rows), pa.Table.from_pylist(verdict_rows, schema=VERDICTS)
    verdicts = pa.concat_tables([verdicts, decide(samples, verdicts, rules().policies)])
    tables = {
        "problems": table_of("problems", problems), "samples": samples,
        "verdicts": verdicts.append_column("night", pa.array([night] * verdicts.num_rows)),
    }  # fmt: skip
    lake.commit(f"curate:{night}", "curate", tables, night=night)


def main() -> None:
    """Judge again and die."""
    left = int(sys.argv[2])
    with Lake(Workspace.open(Path(sys.argv[1]))) as lake:
        commit = lake.commit

        def commit_and_die(key: str, kind: str, *more: Any, **named: Any) -> Any:
            nonlocal left
            if kind in (KIND, "release"):
                if not left:
                    os.kill(os.getpid(), signal.SIGKILL)
                left -= 1
            return commit(key, kind, *more, **named)

        lake.commit = commit_and_die  # type: ignore[method-assign]
        carry_out(lake, Request(judging_again(())), print, "test")


if __name__ == "__main__":
    main()
