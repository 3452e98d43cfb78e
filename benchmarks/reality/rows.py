"""What is wrong with an accepted row, by a program that knows nothing of our judge and our filters.

A row is a dictionary: `method`, `kind`, `problem`, `gold`, `solution`, `messages` (role, content), `response`, `rejected`,
`steps`, `labels`.
"""

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from benchmarks.reality.claims import calculated, claims, operands_from_nowhere, plan_line
from benchmarks.reality.numbers import equations, final_number, number, reached

Row = Mapping[str, Any]
_PLACEHOLDER = re.compile(
    r"<final answer>|<the |<one |<number|the final answer\}|What is the new problem|complete in itself|<reason>",
    re.IGNORECASE,
)
_EXAMPLE = re.compile(
    r"3 boxes (?:with|of) 8 pens|gives 5 pens away|given away are subtracted|cars of both trains|[46]0 rolls"
    r"|(?:90|120) litres of water"
)
"""Words of the worked examples in our prompts, as they are and as none of GSM8K's problems is."""
_OUTPUT = re.compile(r"```\s*output|>>> |code output", re.IGNORECASE)
_BLAMED = re.compile(r"[Ff]irst wrong step is step (\d+)|[Ww]rong at step (\d+)")
_VERDICT = re.compile(
    r"^\W*(?:Verdict|Check|The attempt is)\W*\b(right|correct|wrong|incorrect)\b", re.IGNORECASE | re.MULTILINE
)
_STEP_VERDICT = re.compile(r"^\W*Step (\d+)\W+(right|correct|wrong|incorrect)\b", re.IGNORECASE | re.MULTILINE)
_STEP = re.compile(r"^Step (\d+): (.*?)(?=^Step \d+: |^Answer: |\n\n|\Z)", re.MULTILINE | re.DOTALL)
_MARKS = re.compile(r"<<.*?>>")
_ATTEMPT = re.compile(r"Here is an attempt:\n(.*?)\n\nCheck it", re.DOTALL)


def faults(row: Row) -> list[str]:
    """Return what is wrong with a row, or contradicts itself, in words; empty for one that is in order."""
    gold = number(row["gold"]) if row["gold"] else None
    check = _BY_METHOD.get(row["method"], _solution)
    texts = [row["response"] or "", *(row["steps"] or ())]
    placeholders = [f"placeholder: {match[0]}" for text in texts for match in _PLACEHOLDER.finditer(text)]
    copied = [f"copied example: {match[0]}" for text in texts for match in _EXAMPLE.finditer(text)]
    invented = [f"invented output: {match[0]}" for text in texts for match in _OUTPUT.finditer(text)]
    return placeholders + copied + invented + check(row, gold) + _claims(row)


def _claims(row: Row) -> list[str]:
    """What the row says of its numbers; of a data set's own solution, of labels without the steps called wrong."""
    asked = "\n".join([row["problem"] or "", *(message["content"] for message in row["messages"] or ())])
    pairs = zip(row["steps"] or (), row["labels"] or (), strict=False)
    text = row["response"] or "\n".join(step for step, label in pairs if label)
    return claims(asked, text, final_number(text) if row["response"] else None)


def disobeys(row: Row) -> bool:
    """Whether the answer does not have the form that its own prompt asks for."""
    asked = " ".join(message["content"] for message in row["messages"] or ())
    response = row["response"] or ""
    if row["kind"] == "stepwise":  # labels, or a critique: no answer of its own
        return False
    return ("\\boxed" in asked and "\\boxed" not in response) or ("####" in asked and "####" not in response)


def _false_equations(text: str) -> list[str]:
    return [f"false equation: {equation}" for equation, true, _ in equations(text) if not true]


def _solution(row: Row, gold: Fraction | None) -> list[str]:
    response = row["response"] or ""
    final = final_number(response)
    wrong = [f"ends with {final}, gold is {gold}"] if gold is not None and final != gold else []
    results = reached(response)
    if row["method"] != "gold" and final is not None and results and not results & {final, final / 100, final * 100}:
        wrong.append(f"no sum comes to {final}")
    return wrong + _false_equations(response)


def _expansion(row: Row, _: Fraction | None) -> list[str]:
    """The problem is new; what can be checked is its solution's own arithmetic, and that it asks for what it does not say."""
    question = (row["messages"] or [{"content": ""}])[-1]["content"].partition("\n\nPlease reason")[0]
    final = final_number(row["response"] or "")
    stated = [number(text) for text in re.findall(r"\d[\d,]*(?:\.\d+)?", question)]
    problems = _false_equations(row["response"] or "")
    problems += ["the problem has fewer than two numbers"] if len(stated) < 2 else []
    problems += ["the problem asks nothing"] if "?" not in question else []
    problems += ["the problem says its answer"] if final in stated else []
    return problems + (["nothing is left"] if final == 0 else [])


def _diversification(row: Row, gold: Fraction | None) -> list[str]:
    """Right, and by other equations than the data set's own solution, with numbers that it has."""
    response = row["response"] or ""
    solution = row["solution"] or ""
    own, given = calculated(response), calculated("\n".join([solution, *re.findall(r"<<(.*?)>>", solution)]))
    same = ["the same equations as the given solution"] if own and own <= given else []
    none = [] if own else ["no equation, so that it is no other way"]
    return _solution(row, gold) + same + none + operands_from_nowhere(row["problem"] or "", response)


def _lesson(row: Row, gold: Fraction | None) -> list[str]:
    asked = (row["messages"] or [{"content": ""}])[-1]["content"]
    response = row["response"] or ""
    attempt = match[1] if (match := _ATTEMPT.search(asked)) else asked
    right = gold is not None and final_number(attempt) == gold and not _false_equations(attempt)
    verdict = _VERDICT.search(response)
    says_right = verdict is not None and verdict[1].lower() in ("right", "correct")
    problems = []
    if verdict is not None and says_right != right:
        problems.append(f"says {verdict[1]}, and the attempt is {'right' if right else 'wrong'}")
    if not says_right:
        problems += _solution(row, gold)
    blamed = _BLAMED.search(response)
    if blamed is not None:
        steps = [line for line in attempt.splitlines() if line.strip()]
        step = int(blamed[1] or blamed[2])
        if says_right:
            problems.append("says right and names a wrong step")
        elif step > len(steps):
            problems.append(f"blames step {step} of {len(steps)}")
        elif _true_and_known(steps[step - 1], row["solution"]):
            problems.append(f"blames a true step of the given solution: {steps[step - 1]}")
    return problems


def _critique(row: Row, gold: Fraction | None) -> list[str]:
    asked = (row["messages"] or [{"content": ""}])[-1]["content"]
    steps = {int(step): text for step, text in _STEP.findall(asked)}
    problems = []
    for step, verdict in _STEP_VERDICT.findall(row["response"] or ""):
        says_right, text = verdict.lower() in ("right", "correct"), steps.get(int(step), "")
        if says_right and _false_equations(text):
            problems.append(f"calls a false step right: {text}")
        if not says_right and _true_and_known(text, row["solution"]):
            problems.append(f"calls a true step of the given solution wrong: {text}")
    problems += _false_equations(row["response"] or "")
    verdict = _VERDICT.search(row["response"] or "")
    final = final_number("\n".join(steps.values())) if steps else None
    if verdict is not None and final is not None and (verdict[1].lower() in ("right", "correct")) != (final == gold):
        problems.append(f"verdict {verdict[1]}, and the answer is {final} with gold {gold}")
    return problems


def _labels(row: Row, _: Fraction | None) -> list[str]:
    problems = []
    for step, label in zip(row["steps"] or (), row["labels"] or (), strict=False):
        if label and _false_equations(step):
            problems.append(f"a false step is labelled right: {step}")
        if plan_line(step):
            problems.append(f"a line of a plan is labelled: {step}")
        if label is False and _true_and_known(step, row["solution"]):
            problems.append(f"a true step of the given solution is labelled wrong: {step}")
    return problems


def _true_and_known(step: str, solution: str | None) -> bool:
    """Whether a step holds equations, all are true, and the given solution has each of their results."""
    given_results = {value for _, _, value in equations(_MARKS.sub("", solution or ""))}
    own = list(equations(step))
    return bool(own) and all(true and value in given_results for _, true, value in own)


_BY_METHOD: dict[str, Callable[[Row, Fraction | None], list[str]]] = {
    "tutorship": _lesson,
    "critique": _critique,
    "step_labels": _labels,
    "query_expansion": _expansion,
    "response_diversification": _diversification,
}
