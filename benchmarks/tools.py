"""A real small model with a Python interpreter as a tool, through vLLM: whether books balance and nothing is run twice.

    python benchmarks/tools.py [--json] [--model FOLDER] [--data FOLDER] [--problems 12] [--keep]

Needs real weights (`--model` or $NIGHTSCHOOL_REAL_MODEL) and GSM8K (`--data` or $NIGHTSCHOOL_DATA, a folder that holds `gsm8k/`).
At most ten minutes with a model of 0.5B on two quiet cores. A night of `tool_dialogue` (four turns, two samples) in the environment
`python`, and a second one that asks the same (`draw: again`).

attempts, samples      planned = done + failed; made = accepted + rejected (`balanced`)
dialogues_with_calls   dialogues in which the model called the tool; `programs` were run, `refused_calls` answered by an error (no
                       such tool, arguments that are no JSON), `right` is how many dialogues ended right
again_made             model calls and programs of the second night that were not found in the ledger; must be 0
same_rows              whether its rows are the same
tool_turns_learned     turns of the tool that carry loss in the rows as fine-tuning encodes them; must be 0
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import yaml  # noqa: E402

from benchmarks.reality.product import Product  # noqa: E402
from benchmarks.shared.results import circumstances, keep  # noqa: E402

TURNS, SAMPLES, MAX_TOKENS = 4, 2, 300
DATES = ("2026-01-01", "2026-01-02")
SYSTEM = """You solve problems with the function python and never calculate yourself. Always begin with a call, like this one:
<tool_call>
{"name": "python", "arguments": {"code": "apples = 3 * 12\\nprint(apples - 5)"}}
</tool_call>
Then stop. When you have been told what it prints, give the final answer in a line `#### NUMBER`."""
"""Without it, or with the request for steps behind each problem, a model of 0.5B hardly calls a tool."""


def main() -> None:
    """Run both nights and compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object with the figures")
    parser.add_argument("--model", default=os.environ.get("NIGHTSCHOOL_REAL_MODEL"), help="folder of the weights")
    parser.add_argument("--data", default=os.environ.get("NIGHTSCHOOL_DATA"), help="folder that holds gsm8k/")
    parser.add_argument("--problems", type=int, default=12)
    parser.add_argument("--engine", choices=("vllm", "transformers"), default="vllm", help="who serves the model")
    parser.add_argument("--keep", action="store_true", help="keep the result in benchmarks/results")
    options = parser.parse_args()
    if not options.model or not options.data:
        print("skipped: name real weights and GSM8K with --model and --data")
        return
    with tempfile.TemporaryDirectory(prefix="nightschool-tools-") as name:
        result = {**measure(Path(name), options), **circumstances()}
    if options.keep:
        keep("tools", result)
    print(json.dumps(result, indent=None if options.json else 1))


def measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of a night and of its repetition."""
    model, problems = Path(options.model), options.problems
    recipe = folder / "tools.yaml"
    recipe.write_text(yaml.safe_dump(_recipe(options), sort_keys=False), encoding="utf-8")
    house = Product(folder / "workspace")
    for date in DATES:
        house.run("run", str(recipe), "--date", date)
    first, again = (_rows(house, date) for date in DATES)
    [attempts] = house.sql(
        "select count(*) filter (where status = 'planned') as planned, count(*) filter (where status = 'done') as done, "
        "count(*) filter (where status = 'failed') as failed from attempts"
    )
    [samples] = house.sql(
        "select count(*) as made, count(*) filter (where outcome = 'accepted') as accepted, "
        "count(*) filter (where outcome = 'rejected') as rejected from samples left join decisions using (sample_id)"
    )
    calls = house.sql("select night, role, count(*) as n from calls group by all order by all")
    return {
        "problems": problems,
        "attempts": attempts,
        "samples": samples,
        "balanced": attempts["planned"] == attempts["done"] + attempts["failed"]
        and samples["made"] == samples["accepted"] + samples["rejected"],
        "dialogues": len(first),
        "dialogues_with_calls": sum(any(turn["role"] == "tool" for turn in row["messages"]) for row in first),
        "refused_calls": sum(
            turn["role"] == "tool" and turn["content"].startswith("error:") for row in first for turn in row["messages"]
        ),
        "right": sum(json.loads(row["attrs"])["reward"] == 1 for row in first),
        "model_calls": sum(row["n"] for row in calls if row["role"] != "tool"),
        "programs": sum(row["n"] for row in calls if row["role"] == "tool"),
        "again_made": sum(row["n"] for row in calls if row["night"].startswith(DATES[1])),
        "same_rows": [_said(row) for row in first] == [_said(row) for row in again],
        "reasons": house.sql(
            "select reason, count(*) as rows from decisions where outcome = 'rejected' group by all order by all"
        ),
        **_learned(model, first),
        "model": model.name,
        "engine": options.engine,
    }


def _rows(house: Product, date: str) -> list[dict[str, Any]]:
    return house.sql(
        "select problem_id, position, messages, tools, response, attrs from samples "
        f"where starts_with(night, '{date}') order by problem_id, position"
    )


def _said(row: dict[str, Any]) -> list[Any]:
    return [row["problem_id"], row["position"], row["messages"], row["response"]]


def _learned(model: Path, rows: list[dict[str, Any]]) -> dict[str, int]:
    """Encode the rows as fine-tuning does, and look for the tool in what carries loss."""
    from transformers import AutoTokenizer

    from train_stages.data.encode import IGNORED, encode_conversations

    tokenizer = AutoTokenizer.from_pretrained(model)
    chats = [[*row["messages"], {"role": "assistant", "content": row["response"]}] for row in rows if row["response"]]
    tools = [row["tools"] for row in rows if row["response"]]
    table = encode_conversations(tokenizer, chats, 8192, tools=tools).table.to_pylist()
    learned = [tokenizer.decode([label for label in row["labels"] if label != IGNORED]) for row in table]
    shown = [tokenizer.decode(row["input_ids"]) for row in table]
    return {
        "tool_turns": sum(text.count("<tool_response>") for text in shown),
        "tool_turns_learned": sum(text.count("<tool_response>") for text in learned),
        "tokens": sum(len(row["labels"]) for row in table),
        "tokens_learned": sum(label != IGNORED for row in table for label in row["labels"]),
    }


def _recipe(options: argparse.Namespace) -> dict[str, Any]:
    serve: dict[str, Any] = {"engine": options.engine, "checkpoint": str(Path(options.model).resolve())}
    serve |= {"max_model_len": 2048, "concurrency": 16} if options.engine == "vllm" else {}
    sampling = {"temperature": 0.7, "top_p": 1.0}
    sampling |= {"top_k": 0, "repetition_penalty": 1.0} if options.engine == "vllm" else {}
    params = {"environment": "python", "turns": TURNS, "samples": SAMPLES, "max_tokens": MAX_TOKENS}
    source = {
        "name": "gsm8k",
        "kind": "gsm8k",
        "options": {"path": str((Path(options.data) / "gsm8k" / "train.jsonl").resolve())},
    }
    return {
        "name": "tools",
        "draw": "again",
        "prompts": {"solve": str(HERE.parent / "recipes" / "prompts" / "plain" / "solve.jinja")},
        "problems": {"limit": options.problems, "fresh": False, "sources": [source]},
        "models": {"teacher": {**serve, "sampling": sampling, "system": SYSTEM}},
        "methods": [{"method": "tool_dialogue", "params": params}],
    }


if __name__ == "__main__":
    main()
