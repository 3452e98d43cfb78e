"""`nightschool evaluate`, and the registry's commands on what it finds."""

import copy
import json

from storage.lake import Lake
from storage.workspace import Workspace
from synth.problems.arithmetic import Arithmetic
from tests.flows.conftest import SMALL
from train_stages.tiny import TinyConfig, create_base


def test_a_checkpoint_is_evaluated_once_and_compared(cli):
    problems = Arithmetic([1]).draw(50, seed=1)
    texts = [f"{problem.prompt}\n{problem.solution}" for problem in problems]
    config = TinyConfig(width=32, layers=1, heads=1, ffn=32, context=128, vocabulary=400)
    folders = [create_base(cli.folder / name, texts, seed=seed, config=config) for seed, name in enumerate("ab")]
    benchmark = cli.folder / "test.jsonl"
    benchmark.write_text(
        "".join(json.dumps({"question": f"Add {n} and 2.", "answer": f"{n}+2=<<{n}+2={n + 2}>>{n + 2}\n#### {n + 2}"}) + "\n"
                for n in range(5))
    )  # fmt: skip
    content = copy.deepcopy(SMALL)
    named = {"name": "words", "kind": "gsm8k", "options": {"path": str(benchmark)}}
    content["train"] = {"evaluate": {"samples": 4, "max_tokens": 8, "benchmarks": [named]}}
    recipe = cli.recipe(content)
    first = [json.loads(cli("evaluate", folder, "--recipe", recipe, "--json", "-q")) for folder in folders]
    assert [(row["set"], row["items"]) for row in first[0]] == [("validation", 10), ("words", 5)]
    assert "pass@4" in first[0][0]["pass"]
    with Lake(Workspace.open(cli.workspace), read_only=True) as lake:
        seen = lake.rows("select checkpoint_id, count(*) as n from evaluations group by all order by all")
        commits = lake.last_seq()
        assert lake.rows("select count(*) as n from problems where split = 'benchmark'")[0]["n"] == 5
    assert [row["n"] for row in seen] == [75, 75], "ten validation and five benchmark items, greedy and four samples"
    assert json.loads(cli("evaluate", folders[0], "--recipe", recipe, "--json", "-q")) == first[0]
    with Lake(Workspace.open(cli.workspace), read_only=True) as lake:
        assert lake.last_seq() == commits
    assert "split 'test': choose validation or heldout" in cli(
        "evaluate", folders[0], "--recipe", recipe, "--split", "test", "-q", code=1
    )
    assert "no checkpoint 'nothing'" in cli("evaluate", "nothing", "--recipe", recipe, "-q", code=1)
