"""GSM8K by `nightschool evaluate` and by lm-eval, one model, the same items, one server's sampling: what differs, and why.

    python benchmarks/lmeval.py [--items 100] [--json] [--keep-result] [--model FOLDER] [--data FOLDER]

Needs real weights (`--model` or $NIGHTSCHOOL_REAL_MODEL) and GSM8K (`--data` or $NIGHTSCHOOL_DATA, a folder that holds `gsm8k/`);
without them it says so. lm-eval lives in `.venv-bench-lmeval`, which is made when missing. 25 minutes with a model of 0.5B on two
cores.

lm-eval asks its own task `gsm8k` as it comes (5 examples from the training items in front, `Question: ... Answer:`, greedy, 256
tokens), each example as turns of a chat, and counts an answer by two patterns: `strict-match` after `####`, `flexible-extract` the
last number. We ask the recipe's default prompt (no example, boxed), greedy, and count by the judge. Two things differ so, the
prompt and the reading; each reply is read in both ways to tell them apart:

ours                    right by the judge, of our replies
ours_flexible           right by lm-eval's last number, of our replies
lmeval_strict           right by lm-eval's strict match, of its replies
lmeval_flexible         right by its last number, of its replies
lmeval_by_judge         right by our judge, of its replies
prompt_effect           ours less lmeval_by_judge: the same reading, two prompts
reading_effect          lmeval_by_judge less lmeval_flexible: the same replies, two readings; `disagreements` lists them
left_out                items without a reply on one side, such as those whose gold answer does not verify

Each share with Wilson's 95 % interval. Result: `benchmarks/results/lmeval.json` (`--keep-result`).
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import yaml  # noqa: E402

from benchmarks.reality.plain import NAME, served  # noqa: E402
from benchmarks.reality.product import Product  # noqa: E402
from benchmarks.shared.peers import peers_python, versions_in  # noqa: E402
from benchmarks.shared.real_model import add_places, skipped  # noqa: E402
from benchmarks.shared.results import circumstances, keep  # noqa: E402

PACKAGES = ("lm-eval[api]==0.4.13",)
CONTEXT, CONCURRENCY, MAX_TOKENS, SHOTS = 4_096, 16, 256, 5
LAST_NUMBER = re.compile(r"-?[$0-9.,]{2,}|-?[0-9]+")
"""lm-eval's `flexible-extract` (lm_eval/tasks/gsm8k/gsm8k.yaml), and what its exact match leaves out of an answer."""
IGNORED = (re.compile(r","), re.compile(r"\$"), re.compile(r"(?s).*#### "), re.compile(r"\.$"))
STRICT = re.compile(r"#### (-?[0-9.,]+)")


def main() -> None:
    arguments = _arguments()
    if skipped(arguments):
        return
    python = peers_python("lmeval", PACKAGES)
    with tempfile.TemporaryDirectory(prefix="nightschool-lmeval-") as scratch:
        ours = _greedy(arguments.workspace) if arguments.workspace else {}
        items = _items(arguments, Path(scratch), ours)
        with served(arguments.model, CONTEXT, Path(scratch) / "serve.log") as root:
            theirs = _lm_eval(python, root, arguments, Path(scratch))
        ours = ours or _nightschool(arguments, Path(scratch))
    result = compare(items, ours, theirs) | {"items": len(items), "model": arguments.model.name}
    result |= {"versions": versions_in(python, ("lm-eval",)), **circumstances()}
    if arguments.keep_result:
        keep("lmeval", result)
    print(json.dumps(result, indent=None if arguments.json else 1))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100, help="test problems, the first so many")
    parser.add_argument(
        "--workspace", type=Path, help="take our replies from this one, which benchmarks/real.py --keep left"
    )
    parser.add_argument("--json", action="store_true", help="print one line")
    parser.add_argument("--keep-result", action="store_true")
    add_places(parser)
    return parser.parse_args()


def _items(arguments: argparse.Namespace, scratch: Path, answered: Mapping[str, str]) -> dict[str, str]:
    """Write the items for both, only those that are answered already where some are; return the gold answer of each question."""
    lines = (arguments.data / "gsm8k" / "test.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if not answered or json.loads(line)["question"] in answered][: arguments.items]
    (scratch / "test.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return {row["question"]: row["answer"].rpartition("#### ")[2].strip() for row in map(json.loads, rows)}


def _lm_eval(python: Path, root: str, arguments: argparse.Namespace, scratch: Path) -> dict[str, str]:
    """Run lm-eval's gsm8k on the local items, and return its reply to each question."""
    task = {
        "task": "gsm8k_local",
        "dataset_path": "json",
        "dataset_kwargs": {
            "data_files": {
                "train": str((arguments.data / "gsm8k" / "train.jsonl").resolve()),
                "test": str(scratch / "test.jsonl"),
            }
        },
        "output_type": "generate_until",
        "training_split": "train",
        "fewshot_split": "train",
        "test_split": "test",
        "doc_to_text": "Question: {{question}}\nAnswer:",
        "doc_to_target": "{{answer}}",
        "num_fewshot": SHOTS,
        "generation_kwargs": {
            "until": ["Question:", "</s>", "<|im_end|>"], "do_sample": False, "temperature": 0.0, "max_gen_toks": MAX_TOKENS,
        },
        "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
        "metadata": {"version": 3.0},
    }  # fmt: skip
    (scratch / "tasks").mkdir()
    (scratch / "tasks" / "gsm8k_local.yaml").write_text(yaml.safe_dump(task), encoding="utf-8")
    model = f"model={NAME},base_url={root}/v1/chat/completions,num_concurrent={CONCURRENCY},tokenizer_backend=None,max_retries=3"
    subprocess.run(
        [
            *(str(python), "-m", "lm_eval", "--model", "local-chat-completions", "--model_args", model),
            *("--tasks", "gsm8k_local", "--include_path", str(scratch / "tasks"), "--apply_chat_template"),
            *("--output_path", str(scratch / "out"), "--log_samples"),
        ],
        check=True,
        stdout=sys.stderr,
        env={**os.environ, "HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "1", "HF_HOME": str(scratch / "hf")},
    )
    (samples,) = (scratch / "out").rglob("samples_*.jsonl")
    rows = [json.loads(line) for line in samples.read_text(encoding="utf-8").splitlines()]
    return {row["doc"]["question"]: row["resps"][0][0] for row in rows}


def _nightschool(arguments: argparse.Namespace, scratch: Path) -> dict[str, str]:
    """Evaluate the model as a user does, and return its greedy reply to each question."""
    recipe = {
        "name": "lmeval", "dataset": "lmeval", "answer": "boxed",
        "problems": {"sources": [{"name": "none", "kind": "arithmetic", "limit": 1}]},
        "models": {"teacher": {"engine": "solver"}},
        "methods": [{"method": "gold"}],
        "train": {
            "evaluate": {
                "samples": 0, "max_tokens": MAX_TOKENS, "engine": "vllm", "max_model_len": CONTEXT,
                "benchmarks": [{"name": "gsm8k", "kind": "gsm8k", "options": {"path": str(scratch / "test.jsonl")}}],
            }
        },
    }  # fmt: skip
    file = scratch / "lmeval.yaml"
    file.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    place = ("--workspace", str(scratch / "workspace"))
    command = [sys.executable, "-m", "flows.cli"]
    done = [*command, "evaluate", str(arguments.model.resolve()), "--recipe", str(file), *place]
    subprocess.run(done, check=True, stdout=sys.stderr)
    return _greedy(scratch / "workspace")


def _greedy(workspace: Path) -> dict[str, str]:
    """Return the greedy replies of the workspace's first evaluated model to items of GSM8K test, by question."""
    rows = Product(workspace).sql(
        "select p.prompt, e.response from evaluations e join problems p using (problem_id) "
        "join commits c on c.commit_id = e.commit_id where e.mode = 'greedy' and p.source like 'gsm8k%' "
        "and p.split = 'benchmark' order by c.seq, e.problem_id"
    )
    replies: dict[str, str] = {}
    for row in rows:
        replies.setdefault(row["prompt"], row["response"])
    return replies


def compare(items: dict[str, str], ours: dict[str, str], theirs: dict[str, str]) -> dict[str, Any]:
    """Read every reply in both ways.

    Args:
        items: The gold answer of each question.
        ours: Our reply to each question.
        theirs: lm-eval's.
    """
    from synth.problems import get_task
    from synth.problems.base import Problem
    from train_stages.promotion.statistics import wilson

    def judged(question: str, text: str) -> bool:
        problem = Problem("math_word", "gsm8k", question, items[question], question)
        return get_task("math_word").check(problem, text).outcome.value == "correct"

    def shared(rights: list[bool]) -> dict[str, Any]:
        share = wilson(sum(rights), len(rights))
        return {"right": sum(rights), "share": share.value, "interval": [share.low, share.high]}

    left_out = [question for question in items if question not in ours or question not in theirs]
    items = {question: gold for question, gold in items.items() if question not in left_out}
    readings = {
        "ours": [judged(question, ours[question]) for question in items],
        "ours_flexible": [flexible(ours[question], gold) for question, gold in items.items()],
        "lmeval_strict": [strict(theirs[question], gold) for question, gold in items.items()],
        "lmeval_flexible": [flexible(theirs[question], gold) for question, gold in items.items()],
        "lmeval_by_judge": [judged(question, theirs[question]) for question in items],
    }
    rights = {name: sum(values) for name, values in readings.items()}
    pairs = zip(items, readings["lmeval_by_judge"], readings["lmeval_flexible"], strict=True)
    disagreements = [
        {"gold": items[question], "judge": judge, "flexible": flex, "end": theirs[question][-120:]}
        for question, judge, flex in pairs
        if judge != flex
    ]
    return {
        **{name: shared(values) for name, values in readings.items()},
        "prompt_effect": rights["ours"] - rights["lmeval_by_judge"],
        "reading_effect": rights["lmeval_by_judge"] - rights["lmeval_flexible"],
        "disagreements": disagreements,
        "left_out": [question[:80] for question in left_out],
    }


def flexible(text: str, gold: str) -> bool:
    """Whether lm-eval's last number of a text is the gold answer."""
    numbers = LAST_NUMBER.findall(text)
    return bool(numbers) and _bare(numbers[-1]) == _bare(gold)


def strict(text: str, gold: str) -> bool:
    """Whether what stands after the first `####` is the gold answer, as lm-eval's strict match has it."""
    match = STRICT.search(text)
    return match is not None and _bare(match[1]) == _bare(gold)


def _bare(answer: str) -> str:
    for pattern in IGNORED:
        answer = pattern.sub("", answer)
    return answer.strip().lower()


if __name__ == "__main__":
    main()
