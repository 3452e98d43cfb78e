"""What needs a person in the morning, the most pressing first. Nothing here is a guess: each line is a figure of the lake."""

from collections.abc import Iterator, Mapping
from typing import Any

from flows.report.numbers import count, percent, reason_text

ACT, LOOK = "act", "look"
"""Someone has to do something; someone should look."""

Item = dict[str, str]


def attention(report: Mapping[str, Any]) -> list[Item]:
    """Return what needs a person, each with `level`, `title`, `text` and a `command` (perhaps empty)."""
    items = [
        *_run(report), *_books(report), *_sources(report), *_failed(report), *_accepted(report), *_alarms(report),
        *_reviews(report), *_model(report),
    ]  # fmt: skip
    return sorted(items, key=lambda item: (ACT, LOOK).index(item["level"]))


def _item(level: str, title: str, text: str, command: str = "") -> Item:
    return {"level": level, "title": title, "text": text, "command": command}


def _again(report: Mapping[str, Any]) -> str:
    """The night's own command, as it was pinned."""
    pinned = (report["run"] or {}).get("pinned") or {}
    return str(pinned.get("command") or f"nightschool run RECIPE --date {report['date']}")


def _run(report: Mapping[str, Any]) -> Iterator[Item]:
    run, night = report["run"], report["night"]
    command = _again(report)
    if any(alarm["accepted"] is None for alarm in report["alarms"]):
        return  # that is why it stopped, and what is said of it
    if run and run["stopped"]:
        reason = run["stopped"]["words"]
        yield _item(ACT, "The night stopped", reason[:1].upper() + reason[1:], command)
        return
    if run is None or run["ended"] is None:
        yield _item(
            ACT, "The night is not finished", f"{night} began and has not ended. Give its command again.", command
        )
        return
    summary = run["summary"]
    if summary.get("budget"):
        yield _item(LOOK, "The budget stopped it", f"{summary['budget']} What was made is kept and released.")
    if not summary.get("release"):
        made = any(row["made"] for row in report["funnel"])
        why = "No row was accepted, so there is nothing to train on. See the reasons." if made else "No row was made."
        yield _item(ACT, "There is no release", why)


def _books(report: Mapping[str, Any]) -> Iterator[Item]:
    for row in report["funnel"]:
        open_attempts = row["planned"] - row["done"] - row["failed"]
        undecided = row["made"] - row["accepted"] - row["rejected"]
        if report["run"] and report["run"]["ended"] and (open_attempts or undecided):
            text = f"{row['method']}: {count(open_attempts)} attempts without an end, {count(undecided)} rows without a decision."
            yield _item(ACT, "The books do not balance", text, 'nightschool sql "select * from funnel"')


def _sources(report: Mapping[str, Any]) -> Iterator[Item]:
    """Sources that have nothing left, rows of theirs that make no problem, and fewer accepted rows than were wanted."""
    run = report["run"] or {}
    summary, pinned = run.get("summary") or {}, run.get("pinned")
    for row in summary.get("sources") or []:
        if not row["problems"]:
            text = f"It gave none of {count(row['wanted'])} problems: earlier nights had all of them, or they are held out."
            remedy = "Add problems, or set problems.fresh: false to ask them again."
            yield _item(ACT, f"The source {row['source']} has nothing left", f"{text} {remedy}")
    wanted, accepted = summary.get("until"), sum(row["accepted"] for row in report["funnel"])
    if wanted and accepted < wanted:
        text = "Its sources, its budget, its clock or its rounds ended before (problems.until)."
        yield _item(LOOK, f"{count(accepted)} rows were accepted of {count(wanted)} wanted", text)
    for reason, lines in _left_out(report).items():
        command = _again(report).replace("nightschool run", "nightschool plan", 1) + " --left-out" if pinned else ""
        rows = sum(line["rows"] for line in lines)
        sources = ", ".join(f"{line['source']} {count(line['rows'])}" for line in lines)
        title = f"{count(rows)} rows of sources make no problem: {reason_text(reason)}"
        yield _item(LOOK, title, f"{sources}. Lines and questions stand in the plan.", command)


def _left_out(report: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """What sources left out, by reason."""
    by_reason: dict[str, list[Mapping[str, Any]]] = {}
    for line in report.get("left_out") or []:
        by_reason.setdefault(line["reason"], []).append(line)
    return by_reason


def _failed(report: Mapping[str, Any]) -> Iterator[Item]:
    for row in report["funnel"]:
        if row["done"] and not row["made"]:
            text = f"{count(row['done'])} attempts ended well and wrote nothing, as `gold` does where no solution is given."
            yield _item(LOOK, f"{row['method']} made no row", text, f"nightschool methods {row['method']}")
        if not row["failed"]:
            continue
        reasons = [r for r in report["reasons"] if r["what"] == "failed" and r["method"] == row["method"]]
        why = ", ".join(f"{reason_text(r['reason'])} {count(r['rows'])}" for r in reasons[:4])
        stopped = all(r["reason"] == "budget" for r in reasons)
        if not stopped:
            title = f"{count(row['failed'])} of {count(row['planned'])} attempts of {row['method']} failed"
            yield _item(LOOK, title, f"{percent(row['failed'] / row['planned'])}: {why}.")


def _accepted(report: Mapping[str, Any]) -> Iterator[Item]:
    """Methods of whose rows none was accepted, however few they are; those with an alarm are said with it."""
    alarmed = {alarm["method"] for alarm in report["alarms"]}
    for row in report["funnel"]:
        if not row["made"] or row["accepted"] or row["rejected"] < row["made"] or row["method"] in alarmed:
            continue
        reasons = [r for r in report["reasons"] if r["what"] == "rejected" and r["method"] == row["method"]]
        why = ", ".join(f"{reason_text(r['reason'])} {count(r['rows'])}" for r in reasons[:4])
        command = f"nightschool methods {row['method']}"
        yield _item(LOOK, f"No row of {row['method']} was accepted", f"{count(row['made'])} were made: {why}.", command)


def _alarms(report: Mapping[str, Any]) -> Iterator[Item]:
    """A filter that removed most of a method's rows is more often a bug than a bad night."""
    for alarm in report["alarms"]:
        title = (
            f"{reason_text(alarm['filter'])} removed {percent(alarm['removed'] / alarm['rows'])} of {alarm['method']}"
        )
        examples = " ".join(f"nightschool why {sample_id}" for sample_id in alarm["examples"][:1])
        text = f"{count(alarm['removed'])} of {count(alarm['rows'])} rows."
        if alarm["accepted"]:
            yield _item(LOOK, title, f"{text} Accepted by a person: {alarm['note'] or 'no reason given'}.", examples)
            continue
        text += " The release waits until someone has read a few of them and accepts it."
        yield _item(ACT, title, f"{text} For example: {examples}", f"nightschool alarms accept {report['night']}")


def _reviews(report: Mapping[str, Any]) -> Iterator[Item]:
    """Rows that the policy lets in only once a person has accepted them."""
    for row in report["reasons"]:
        if row["what"] == "rejected" and row["reason"] == "reviews:missing":
            text = "No filter rejects them, and the policy asks for a person. `nightschool ui` shows them."
            title = f"{count(row['rows'])} rows of {row['method']} wait for a review"
            yield _item(LOOK, title, text, f"nightschool review sample --method {row['method']}")


def _model(report: Mapping[str, Any]) -> Iterator[Item]:
    training = report["training"]
    if training is None or (training["pinned"] is None and training["summary"] is None):
        return
    if training["summary"] is None:
        command = _again(report)
        yield _item(ACT, "Training is not finished", "It began and has not ended. Give its command again.", command)
        return
    promotion = training["promotion"]
    if promotion and promotion["decision"] == "waiting":
        approve = f"nightschool model promote {promotion['candidate'][:12]} --reason '...'"
        yield _item(ACT, "A better model waits for approval", promotion["reason"], approve)
    if promotion and promotion["decision"] in ("refused", "undecided"):
        yield _item(LOOK, f"The new model was not promoted: {promotion['decision']}", promotion["reason"])
