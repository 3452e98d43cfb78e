"""How a trial is shown: the problem, each call with its answer, each sample with its verdicts."""

import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group
from rich.panel import Panel
from rich.text import Text

from flows.report.terminal import cut, inert
from storage.messages import said_in

LONGEST = 20_000
"""Characters of a text that a trial shows; `--json` has all."""


def print_trial(result: Mapping[str, Any], console: Console | None = None) -> None:
    """Print a trial: the problem, each call with its answer, each sample with its verdicts."""
    console = console or Console()
    problem = result["problem"]
    console.print(_panel(f"{result['method']} on {problem['task']}", problem["prompt"], f"gold: {problem['gold']}"))
    for number, call in enumerate(result["calls"], start=1):
        asked = "\n\n".join(map(said_in, call["messages"]))
        reply = call["response"] if call["response"] is not None else "(no answer)"
        thought = f"<think>\n{call['reasoning']}\n</think>\n\n" if call.get("reasoning") else ""
        who = f"{number}. {call['role']} ({call.get('model', '?')}) is asked `{call['prompt']}`"
        parts = Group(_text(asked, "dim"), inert("─" * 24, "dim"), _text(thought + reply))
        console.print(Panel(parts, title=inert(who), title_align="left", border_style="cyan"))
    for number, sample in enumerate(result["samples"], start=1):
        _print_sample(console, number, sample)
    if result["status"] == "failed":
        console.print(_text(f"the attempt failed: {result['reason']}: {result['detail']}", "red"))
    elif not result["samples"]:
        console.print(inert("no sample was made", "yellow"))


def _print_sample(console: Console, number: int, sample: Mapping[str, Any]) -> None:
    learned = sample["response"] or sample["text"] or ""
    if sample["steps"] is not None:
        pairs = zip(sample["steps"], sample["labels"] or [], strict=False)
        marks = {True: "✓", False: "✗", None: "?"}
        learned = "\n".join([*(f"{marks[label]} {step}" for step, label in pairs), "", learned]).strip()
    if sample["rejected"]:
        learned = f"better:\n{learned}\n\nworse:\n{sample['rejected']}"
    asked = sample["messages"][-1]["content"] if sample["messages"] else ""
    own = {**sample["notes"], **sample["attrs"]}
    attrs = "\n".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in own.items())
    good = sample["decision"] == "accepted"
    verdict = f"{sample['decision']}{'' if good else ' · ' + str(sample['reason'])}"
    parts = Group(_text(asked, "dim"), inert("─" * 24, "dim"), _text(learned), _text(f"\n{attrs}", "dim"))
    title = inert(f"sample {number}: {sample['kind']} by {sample['origin']}, {verdict}")
    console.print(Panel(parts, title=title, title_align="left", border_style="green" if good else "red"))


def _text(text: str, style: str = "") -> Text:
    return inert(cut(text, LONGEST), style)


def _panel(title: str, text: str, below: str) -> Panel:
    return Panel(
        _text(text), title=inert(title), title_align="left", subtitle=inert(cut(below, 200)), subtitle_align="left"
    )
