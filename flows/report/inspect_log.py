"""An evaluation as a log of inspect (https://inspect.aisi.org.uk), which `inspect view` opens: JSON, format 2.

One log has the greedy answers to a set, another the sampled ones, an epoch for each sample. A score is C where the answer is
correct, I where it is wrong, and N where the judge cannot decide; N counts in the denominator, as in every evaluation here.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from storage.atomic import atomic_file
from storage.ids import digest
from storage.messages import Message, chat_of
from synth.answers.outcome import Outcome
from synth.problems.base import Problem

_VALUES = {Outcome.CORRECT.value: "C", Outcome.WRONG.value: "I", Outcome.UNVERIFIABLE.value: "N"}
_STOPS = {"stop": "stop", "length": "max_tokens"}
_NO_NAME = str.maketrans({character: "-" for character in "/\\ :_"})


@dataclass(frozen=True)
class Asked:
    """What was evaluated.

    Attributes:
        name: The set.
        model: The checkpoint's id.
        problems: The problems of the set.
        chats: The chat that asks each, by its id.
        about: What else is said of the evaluation: prompt, shots, split.
    """

    name: str
    model: str
    problems: Sequence[Problem]
    chats: Mapping[str, Sequence[Message]]
    about: Mapping[str, Any]


def write_logs(folder: Path, asked: Asked, rows: Sequence[Mapping[str, Any]]) -> list[Path]:
    """Write the logs of an evaluation into a folder, one for each mode that has rows.

    Args:
        folder: The folder; it is made where it is missing.
        asked: What was evaluated.
        rows: The rows of the evaluation as the lake has them, the samples of a problem in their order.

    Returns:
        The files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for mode in ("greedy", "sampled"):
        chosen = [row for row in rows if row["mode"] == mode]
        if not chosen:
            continue
        log = log_of(asked, mode, chosen, datetime.now(UTC))
        stamp = log["eval"]["created"].replace(":", "-")
        target = folder / f"{stamp}_{log['eval']['task'].translate(_NO_NAME)}_{log['eval']['task_id']}.json"
        with atomic_file(target) as path:
            path.write_text(json.dumps(log, indent=1) + "\n", encoding="utf-8")
        written.append(target)
    return written


def log_of(asked: Asked, mode: str, rows: Sequence[Mapping[str, Any]], created: datetime) -> dict[str, Any]:
    """Return the log of one mode."""
    problems = {problem.id: problem for problem in asked.problems}
    epochs: Counter[str] = Counter()
    samples = []
    for row in rows:
        epochs[row["problem_id"]] += 1
        samples.append(_sample(asked, problems[row["problem_id"]], row, epochs[row["problem_id"]]))
    right = sum(row["outcome"] == Outcome.CORRECT.value for row in rows) / len(rows)
    undecided = sum(row["outcome"] == Outcome.UNVERIFIABLE.value for row in rows)
    moment = created.isoformat(timespec="seconds")
    metrics = {"accuracy": right, "undecided": undecided}
    return {
        "version": 2,
        "status": "success",
        "eval": {
            "created": moment,
            "task": f"{asked.name}-{mode}",
            "task_id": digest(asked.model, asked.name, mode, length=22),
            "run_id": digest(asked.model, moment, length=22),
            "dataset": {"name": asked.name, "samples": len(problems), "sample_ids": list(problems)},
            "model": f"nightschool/{asked.model}",
            "config": {"epochs": max(epochs.values())},
            "metadata": dict(asked.about),
        },
        "plan": {"name": "plan", "steps": [], "config": {}},
        "results": {
            "total_samples": len(samples),
            "completed_samples": len(samples),
            "scores": [
                {
                    "name": "judge",
                    "scorer": "judge",
                    "params": {},
                    "metrics": {name: {"name": name, "value": value} for name, value in metrics.items()},
                }
            ],
        },
        "stats": {"started_at": moment, "completed_at": moment, "model_usage": {}},
        "samples": samples,
    }


def _sample(asked: Asked, problem: Problem, row: Mapping[str, Any], epoch: int) -> dict[str, Any]:
    reply = {"role": "assistant", "content": row["response"] or "", "source": "generate"}
    question = [_message(message) for message in asked.chats[problem.id]]
    between = [_message(message) for message in chat_of(row["turns"])]
    return {
        "id": problem.id,
        "epoch": epoch,
        "input": question,
        "target": problem.gold,
        "messages": [*question, *between, reply],
        "output": {
            "model": f"nightschool/{asked.model}",
            "choices": [{"message": reply, "stop_reason": _STOPS.get(row["finish_reason"] or "", "unknown")}],
        },
        "scores": {
            "judge": {
                "value": _VALUES[row["outcome"]],
                "answer": row["answer"],
                "metadata": {"judge": row["judge"]},
            }
        },
        "metadata": {"task": problem.task, "tier": problem.tier, "source": problem.source},
    }


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message as inspect writes it: arguments of a call are an object, and text that is none has its own name."""
    calls = [
        {"id": call["id"], "function": call["function"]["name"], "arguments": _arguments(call["function"]["arguments"])}
        for call in message.get("tool_calls") or ()
    ]
    kept = {name: message[name] for name in ("role", "content", "tool_call_id") if message.get(name) is not None}
    return {"content": "", **kept, **({"tool_calls": calls} if calls else {})}


def _arguments(text: str) -> dict[str, Any]:
    try:
        read = json.loads(text)
    except ValueError:
        read = text
    return read if isinstance(read, dict) else {"text": read}
