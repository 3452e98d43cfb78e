"""A real model on real problems: what its rows are worth, and what the product costs it.

    python benchmarks/real.py [--json] [--full] [--model FOLDER] [--data FOLDER] [--keep FOLDER]

Needs real weights (`--model` or $NIGHTSCHOOL_REAL_MODEL, a Hugging Face folder of an instruct model) and GSM8K (`--data` or
$NIGHTSCHOOL_DATA, a folder that holds `gsm8k/`); without them it says so and keeps nothing. At most 25 minutes with a model of
0.5B on two quiet cores; `--full`, the kept run, takes more problems for its nights, and keeps the result.

Models are asked at temperature .7 alone: top_k, top_p and penalties over 152,000 tokens make vLLM five times slower on a CPU.

A night of GSM8K training problems, one model as student and as teacher, then:

accepted_wrong_share   share of its accepted rows that are wrong or contradict themselves, with Wilson's interval in `accepted`,
                       the data set's own solutions (`gold`) left out; by `benchmarks/reality/rows.py`, which imports neither our
                       judge nor our filters. The rows lie beside the result, for reading
format_disobeyed       accepted rows whose answer has not the form that their own prompt asks for
empty_methods          methods with no accepted row of at least 100 attempts
night_vs_raw_tokens    tokens a second of the server in the second night, the nearer in time, over those of a plain loop that asks
                       the same questions at the same concurrency, both until nine tenths of the tokens are written
plan_bound_held        1 when the night's calls and tokens stayed within what `nightschool plan` said at most
plan_vs_real_prompt_tokens   prompt tokens that `plan` expected of a second night, over those it had; `plan_spread` is the standard
                       deviation of that ratio by chance alone, as `plan` says it (how many calls an attempt asks depends on its
                       answers): with 12 problems .9 to 1.1 is a matter of luck, with 40 hardly

GSM8K test through `nightschool evaluate` with the recipe's default prompt, greedy, and through three plain prompts:

default_vs_best_prompt right answers over those of the best plain prompt; `prompts` has each with its interval
texts_equal            share of texts equal to those that a plain client gets by the same prompt

Result: `benchmarks/results/real.json`, rows that models wrote: `benchmarks/results/real_rows.jsonl` (`--full`); all rows with their
problems: `real_rows.jsonl` in the folder of `--keep`.
"""

import argparse
import json
import math
import sys
import tempfile
from collections import Counter
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import yaml  # noqa: E402

from benchmarks.reality.numbers import final_number, number, wilson  # noqa: E402
from benchmarks.reality.plain import Reply, ask, rate, served  # noqa: E402
from benchmarks.reality.product import Product  # noqa: E402
from benchmarks.reality.rows import disobeys, faults  # noqa: E402
from benchmarks.shared.real_model import add_places, skipped  # noqa: E402
from benchmarks.shared.results import RESULTS, circumstances, keep  # noqa: E402

CONCURRENCY = 64
CONTEXT = 4_096
MAX_TOKENS = 400
RAW_CALLS = 100
"""Calls of the night that the plain loop makes again, at most: enough to be busy for a minute or two."""
SAMPLING = {"temperature": 0.7, "top_p": 1.0, "top_k": 0, "repetition_penalty": 1.0}
METHODS: dict[str, dict[str, Any]] = {
    "gold": {},
    "cot": {"max_tokens": MAX_TOKENS},
    "tutorship": {"attempt_tokens": MAX_TOKENS, "max_tokens": MAX_TOKENS},
    "critique": {"attempt_tokens": MAX_TOKENS, "max_tokens": MAX_TOKENS},
    "step_labels": {"attempt_tokens": MAX_TOKENS, "completions": 4, "most_steps": 6},
    "response_diversification": {"max_tokens": MAX_TOKENS},
    "query_expansion": {"max_tokens": MAX_TOKENS, "questions": 1},
}
PROMPTS = {
    "boxed": "{question}\n\nPlease reason step by step, and put your final answer within \\boxed{{}}.",
    "phrase": "{question}\n\nSolve this step by step. On the last line write: The answer is <number>.",
    "bare": "{question}",
}
"""Plain prompts that people use; the first is Qwen's own for mathematics."""


def main() -> None:
    arguments = _arguments()
    if skipped(arguments):
        return
    with tempfile.TemporaryDirectory(prefix="nightschool-real-") as scratch:
        folder = arguments.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        result = measure(arguments, folder)
    if arguments.full:
        keep("real", result)
    if arguments.json:
        print(json.dumps(result))
    else:
        print(json.dumps({key: value for key, value in result.items() if not isinstance(value, dict)}, indent=1))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object with the figures")
    parser.add_argument("--full", action="store_true", help="40 problems for each night; keeps the result")
    add_places(parser)
    parser.add_argument("--problems", type=int, help="problems of each night instead of 12 (40 with --full)")
    parser.add_argument("--items", type=int, default=100, help="test problems")
    parser.add_argument("--keep", type=Path, help="workspace to use and to leave, for looking at it afterwards")
    arguments = parser.parse_args()
    arguments.problems = arguments.problems or (40 if arguments.full else 12)
    return arguments


def measure(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run the nights, the evaluation and the plain client, and return the figures."""
    recipe = folder / "real.yaml"
    recipe.write_text(yaml.safe_dump(_recipe(arguments), sort_keys=False), encoding="utf-8")
    house = Product(folder / "workspace")
    plan = house.json("plan", str(recipe), "--date", "2026-01-01")
    house.run("run", str(recipe), "--date", "2026-01-01")
    second_plan = house.json("plan", str(recipe), "--date", "2026-01-02")
    house.run("run", str(recipe), "--date", "2026-01-02")
    house.run("evaluate", str(arguments.model), "--recipe", str(recipe))
    with served(arguments.model, CONTEXT, folder / "serve.log") as root:
        asked = _prompts(house, root)
        pace = _pace(house, root)
    rows = _rows(house, "2026-01-01/real") + _rows(house, "2026-01-02/real")
    accepted = _accepted(rows, folder / "real_rows.jsonl", RESULTS / "real_rows.jsonl" if arguments.full else None)
    funnel = house.sql(
        "select method, sum(made)::bigint made, sum(accepted)::bigint accepted from funnel group by method order by method"
    )
    return {
        **accepted,
        "empty_methods": [row["method"] for row in funnel if row["made"] >= 100 and not row["accepted"]],
        **pace,
        **_plans(house, plan, second_plan),
        **asked,
        "funnel": {row["method"]: {"made": row["made"], "accepted": row["accepted"]} for row in funnel},
        "problems": arguments.problems,
        "items": arguments.items,
        "model": arguments.model.name,
        "versions": {name: version(name) for name in ("transformers", "aiohttp")},
        **circumstances(),
    }


def _recipe(arguments: argparse.Namespace) -> dict[str, Any]:
    role = {
        "engine": "vllm", "checkpoint": str(arguments.model.resolve()), "concurrency": CONCURRENCY, "max_model_len": CONTEXT,
        "sampling": SAMPLING,
    }  # fmt: skip
    gsm8k = arguments.data.resolve() / "gsm8k"
    train = {  # what is held out decides the training of benchmarks/evidence.py, and has to be there before the first draw
        "name": "gsm8k",
        "kind": "gsm8k",
        "heldout": 8,
        "options": {"path": str(gsm8k / "train.jsonl")},
    }
    test = {
        "name": "gsm8k-test",
        "kind": "gsm8k",
        "limit": arguments.items,
        "options": {"path": str(gsm8k / "test.jsonl")},
    }
    return {
        "name": "real",
        "dataset": "real",
        "answer": "boxed",
        "problems": {
            "limit": arguments.problems,
            "sources": [train],
        },
        "models": {"student": role, "teacher": role},
        "methods": [{"method": method, "params": params} for method, params in METHODS.items()],
        "budget": {"failures": None},
        "alarms": {"share": 1.0},
        "train": {
            "evaluate": {"samples": 0, "max_tokens": MAX_TOKENS, "engine": "vllm", "benchmarks": [test]},
        },
    }


def _rows(house: Product, night: str) -> list[dict[str, Any]]:
    """Return the accepted rows of a night with the problem that each is about."""
    return house.sql(
        "select s.sample_id, s.problem_id, s.method, s.kind, p.prompt as problem, p.gold, p.solution, s.messages, s.response, "
        f"s.rejected, s.steps, s.labels from accepted s left join problems p using (problem_id) where s.night = '{night}'"
    )


def _accepted(rows: list[dict[str, Any]], beside: Path, kept: Path | None = None) -> dict[str, Any]:
    """Judge every accepted row, and write all of them down with what was seen; what is kept holds only what models wrote."""
    judged = [{**row, "faults": faults(row), "disobeys": disobeys(row)} for row in rows]
    beside.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in judged), encoding="utf-8")
    if kept is not None:
        theirs = ("problem", "solution", "messages")
        own = [{name: row[name] for name in row if name not in theirs} for row in judged if row["method"] != "gold"]
        kept.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in own), encoding="utf-8")
    methods = Counter(row["method"] for row in judged)
    wrong = Counter(row["method"] for row in judged if row["faults"])
    written = [row for row in judged if row["method"] != "gold"]
    faulty = sum(bool(row["faults"]) for row in written)
    low, high = wilson(faulty, len(written))
    return {
        "accepted_wrong_share": faulty / len(written) if written else math.nan,
        "format_disobeyed": sum(row["disobeys"] for row in judged),
        "accepted": {
            "rows": len(written),
            "interval": [low, high],
            "methods": {method: {"rows": count, "wrong": wrong[method]} for method, count in sorted(methods.items())},
        },
    }


def _prompts(house: Product, root: str) -> dict[str, Any]:
    """The evaluation's answers and those of plain prompts, all read by the same program."""
    answers = house.sql(
        "select p.prompt as question, p.gold, e.response from evaluations e join problems p using (problem_id) "
        "where e.mode = 'greedy' order by e.problem_id"
    )
    solved = house.sql(
        "select c.messages, p.prompt from calls c join attempts a on a.status = 'done' and a.method = 'cot' join problems p "
        "on p.problem_id = a.problem_id where c.act = 'solve' and contains(c.messages[-1].content, p.prompt) limit 1"
    )
    default = [
        [
            {**message, "content": message["content"].replace(solved[0]["prompt"], row["question"])}
            for message in solved[0]["messages"]
        ]
        for row in answers
    ]
    chats = {"default, plain client": default}
    for name, prompt in PROMPTS.items():
        chats[name] = [[{"role": "user", "content": prompt.format(question=row["question"])}] for row in answers]
    others = [name for name, asked in chats.items() if asked != default]  # what is the default's own is asked once
    texts = iter(_greedy(root, [chat for name in others for chat in chats[name]]))  # in one go, with one tail
    replies = dict.fromkeys(chats, _greedy(root, default)) | {name: [next(texts) for _ in answers] for name in others}
    right = {"default": _right([row["response"] for row in answers], answers)}
    right |= {name: _right([reply.text for reply in own], answers) for name, own in replies.items()}
    best = max(right[name] for name in PROMPTS)
    equal = sum(
        row["response"] == reply.text for row, reply in zip(answers, replies["default, plain client"], strict=True)
    )
    return {
        "default_vs_best_prompt": right["default"] / best if best else math.inf,
        "texts_equal": equal / len(answers),
        "prompts": {name: {"right": count, "interval": wilson(count, len(answers))} for name, count in right.items()},
    }


def _greedy(root: str, chats: list[list[dict[str, Any]]]) -> list[Reply]:
    bodies = [{"messages": chat, "temperature": 0, "max_tokens": MAX_TOKENS} for chat in chats]
    return ask(root, bodies, CONCURRENCY)


def _right(texts: list[str], items: list[dict[str, Any]]) -> int:
    return sum(final_number(text) == _gold(item["gold"]) for text, item in zip(texts, items, strict=True))


def _gold(gold: str) -> Fraction | None:
    return number(gold)


def _pace(house: Product, root: str) -> dict[str, Any]:
    """The second night's token rate, and that of a plain loop over the same questions."""
    calls = house.sql(
        "select messages, sampling, completion_tokens as tokens, epoch(created_at) as ended, seconds from calls "
        "where night = '2026-01-02/real' and finish_reason in ('stop', 'length') order by created_at"
    )
    ours = rate([(call["ended"] - call["seconds"], call["ended"], call["tokens"]) for call in calls])
    every = -(-len(calls) // RAW_CALLS)
    bodies = [_body(call, seed) for seed, call in enumerate(calls[::every])]
    replies = ask(root, bodies, CONCURRENCY)
    raw = rate([(reply.began, reply.ended, reply.tokens) for reply in replies])
    return {
        "night_vs_raw_tokens": ours / raw,
        "tokens_per_s": {"night": ours, "raw": raw, "calls": len(calls), "raw_calls": len(bodies)},
    }


def _body(call: dict[str, Any], seed: int) -> dict[str, Any]:
    """The same question as a plain client sends it."""
    sampling = json.loads(call["sampling"])
    names = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty", "max_tokens", "stop")
    body = {
        "messages": call["messages"],
        "seed": seed,
        **{name: sampling[name] for name in names if sampling.get(name)},
    }
    if call["messages"][-1]["role"] == "assistant":
        body |= {"continue_final_message": True, "add_generation_prompt": False}
    return {"temperature": 0, **body}


def _plans(house: Product, first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """What `plan` said beside what the nights had."""
    paid = {
        row["night"]: row
        for row in house.sql(
            "select night, sum(calls)::bigint calls, sum(prompt_tokens)::bigint prompt, sum(completion_tokens)::bigint completion "
            "from costs group by night"
        )
    }

    def held(plan: dict[str, Any], night: str) -> bool:
        roles = plan["roles"]
        bound = {
            "calls": sum(role["calls"] for role in roles),
            "prompt": sum(role["prompt_tokens"] for role in roles),
            "completion": sum(role["completion_tokens"] for role in roles),
        }
        return all(paid[night][key] <= bound[key] for key in bound)

    expected = [role["expected"] for role in second["roles"] if role.get("expected")]
    real = paid["2026-01-02/real"]["prompt"]
    return {
        "plan_bound_held": int(held(first, "2026-01-01/real") and held(second, "2026-01-02/real")),
        "plan_vs_real_prompt_tokens": sum(role["prompt_tokens"] for role in expected) / real if expected else None,
        "plan_spread": math.hypot(*(role["spread"] or 0.0 for role in expected)) / real,
        "paid": paid,
    }


if __name__ == "__main__":
    main()
