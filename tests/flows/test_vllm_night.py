"""The main job in small: gold solutions with calculator marks, a student served by a real vLLM, benchmarks kept out."""

import json

import psutil
import pytest

from storage.lake import Lake
from storage.workspace import Workspace

PROBLEMS = [
    ("Tom has {a} pens and buys {b} more. How many pens has he?", "{a} + {b} = <<{a}+{b}={c}>>{c} pens.\n#### {c}"),
    (
        "A box holds {a} eggs. How many eggs are in {b} boxes?",
        "{b} boxes hold {a}*{b} = <<{a}*{b}={d}>>{d} eggs.\n#### {d}",
    ),
]
LEAKED = (
    "Mia plants {a} tulips in each of {b} long rows beside the old garden wall. How many tulips does she plant in all?"
)


def write(path, rows) -> None:
    path.write_text("".join(json.dumps({"question": question, "answer": answer}) + "\n" for question, answer in rows))


@pytest.mark.vllm
@pytest.mark.timeout(600)
def test_a_student_on_vllm_is_tutored_and_a_benchmark_stays_out(cli):
    filled = [
        tuple(text.format(a=a, b=b, c=a + b, d=a * b) for text in pair)
        for pair in PROBLEMS
        for a, b in ((3, 4), (12, 5), (30, 7), (9, 9), (21, 2), (6, 8))
    ]
    leak = (LEAKED.format(a=12, b=5), "12*5 = <<12*5=60>>60 tulips.\n#### 60")
    write(cli.folder / "train.jsonl", [*filled, leak])
    write(cli.folder / "test.jsonl", [leak])
    recipe = cli.recipe(
        {
            "name": "words",
            "dataset": "words",
            "problems": {
                "sources": [{"name": "words", "kind": "gsm8k", "options": {"path": str(cli.folder / "train.jsonl")}}],
                "fresh": False,
            },
            "benchmarks": [
                {"name": "words-test", "kind": "gsm8k", "options": {"path": str(cli.folder / "test.jsonl")}}
            ],
            "models": {"teacher": {"engine": "solver"}, "student": {"engine": "vllm", "checkpoint": "promoted"}},
            "methods": [
                {"method": "gold"},
                {"method": "tutorship", "params": {"attempt_tokens": 24}},
                {"method": "critique", "params": {"attempt_tokens": 24}},
            ],
        }
    )
    night = json.loads(cli("run", recipe, "--date", "2026-01-01", "--json", "--quiet"))["night"]
    funnel = {line["method"]: line for line in night["funnel"]}
    for line in funnel.values():
        assert line["planned"] == 13 == line["done"] + line["failed"]
        assert line["made"] == line["accepted"] + line["rejected"]
    assert funnel["gold"]["accepted"] == 12, "the leaked problem is blocked, everything else passes"
    with Lake(Workspace.open(cli.workspace), read_only=True) as lake:
        reason = lake.rows("select reason from rejected where method = 'gold'")[0]["reason"]
        student = lake.rows("select count(*) as n, sum(completion_tokens) as t from calls where role = 'student'")[0]
    assert reason.startswith("decontamination:")
    assert student["n"] == 13 and student["t"] > 0, "tutorship and critique share the student's attempts"
    left = [p for p in psutil.process_iter(["cmdline"]) if str(cli.workspace) in " ".join(p.info["cmdline"] or [])]
    assert not left, "the server ended with the night"
    again = json.loads(cli("run", recipe, "--date", "2026-01-01", "--json", "--quiet"))["night"]
    assert again["again"]
