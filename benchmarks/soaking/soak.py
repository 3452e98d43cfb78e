"""So many nights under faults: submitted as prefect.yaml's schedules would, never begun again by a person.

The night itself; later the run that goes on with what was interrupted; then the reconcile run of the training. The last
two are left out where they would find nothing to do.
"""

import asyncio
import contextlib
import copy
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from flows.recipe.recipe import make_recipe
from storage.lake.lake import Lake
from storage.workspace import Workspace
from tests.waiting import wait_for

from .books import calls_paid_again, lake_faults, rows_lost_and_doubled
from .faults import FAULTS, Done, Scene
from .machine import CATCH_UP, Machine, model_server
from .plain import plain_nights

DISK_MIB = 300
NIGHT_S = 400.0
"""How long a night with its training may take."""
METHOD = "cot"
SEVEN = (
    ("flow",), ("server", "trainer"), ("twice", "vanish"), ("worker", "trainer"), ("disk",), ("up", "trainer"),
    ("twice", "flow", "vanish"),
)  # fmt: skip
"""The faults of seven nights: every kind, most of them with another one. Every second night there is enough new to train on."""
TWO = (("vanish", "flow"), ("server", "twice"))
"""The faults of two nights, as many as a test has time for."""
TRAIN_AFTER = 1.5
"""Nights' worth of rows that must be new before a training."""


def recipe(seed: int, problems: int, *, learns: bool) -> dict[str, Any]:
    """Return the embedded default, shrunk: a tiny student, a teacher behind HTTP that can vanish.

    Args:
        seed: Of the problems.
        problems: Problems a night.
        learns: Whether there is a student that is trained; without one the training flow only ever says that it does not.
    """
    content: dict[str, Any] = {
        "name": "soak",
        "dataset": "soak",
        "answer": "hash",  # as the stand-in writes it
        "shard": 20,
        "problems": {
            "seed": seed,
            "limit": problems,
            "sources": [
                {"name": "arithmetic", "kind": "arithmetic", "options": {"tiers": [1]}, "heldout": 20, "validation": 10}
            ],
        },
        "models": {
            "teacher": {
                "engine": "vllm", "name": "stand-in", "revision": "1", "concurrency": 8, "timeout_s": 10, "outage_s": 8,
            },
            "student": {"engine": "transformers", "checkpoint": "promoted"},
        },
        "methods": [
            {"method": METHOD, "params": {"temperature": 0}},
            {"method": "tutorship", "limit": 10, "params": {"attempt_tokens": 16}},
        ],
        "alarms": {"shares": {"tutorship/attempt": 1}},
        "base": {"tiny": {"width": 64, "layers": 1, "heads": 2, "ffn": 64}},
        "train": {
            "when": {"min_new_rows": round(TRAIN_AFTER * problems)},
            "plan": [{"sft": {"budget_tokens": 8000, "batch_tokens": 512, "learning_rate": 0.01, "optimiser": "muon"}}],
            "evaluate": {"samples": 1, "max_tokens": 16},
            "promote": {"fresh": False},  # fresh items would make what later nights draw depend on when a training ended
        },
    }  # fmt: skip
    if not learns:
        del content["models"]["student"], content["methods"][1], content["alarms"]
        content["train"]["when"]["min_new_rows"] = 10**9
    return content


def soak(
    faults: Sequence[Sequence[str]],
    *,
    seed: int,
    problems: int = 60,
    learns: bool = True,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Live through nights and return the books.

    Args:
        faults: For each night, the kinds of fault that meet it, in order.
        seed: Of the problems and of every moment.
        problems: Problems a night.
        learns: Whether a student is trained in between.
        say: Told what happens.

    Returns:
        `lost_rows`, `duplicate_rows`, `calls_repeated`, `orphans` and what they rest on.
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="nightschool-soak-") as folder, _disk(Path(folder)) as root:
        machine = Machine(Path(folder), root / "w", recipe(seed, problems, learns=learns))
        try:
            dates = days(len(faults))
            dealt = _nights(machine, dates, faults, random.Random(seed), say)
            stopped = machine.stop()
            machine.model.kill()
            left = [" ".join(process.cmdline())[:200] for process in machine.processes()]
            nights = [f"{day}/soak" for day in dates]
            books = rows_lost_and_doubled(machine, _undisturbed(machine, dates), nights)
            return {
                **books,
                **calls_paid_again(machine, dealt),
                "orphans": len(left),
                "orphans_left": left,
                "lake_faults": lake_faults(machine),
                "exit_of_up": stopped,
                "nights": len(faults),
                "problems": problems,
                "seed": seed,
                "faults": [fault.to_json() for fault in dealt],
                "seconds": round(time.monotonic() - began, 1),
            }
        except Exception as error:
            error.add_note(f"seed {seed}; nightschool up said:\n{(machine.folder / 'up.log').read_text()[-3000:]}")
            raise
        finally:
            for process in machine.processes():
                with contextlib.suppress(Exception):
                    process.kill()


def days(nights: int) -> list[str]:
    """The logical dates, the last one today."""
    last = datetime.now(UTC).date()
    return [(last - timedelta(days=back)).isoformat() for back in range(nights - 1, -1, -1)]


def _nights(
    machine: Machine,
    dates: Sequence[str],
    faults: Sequence[Sequence[str]],
    chance: random.Random,
    say: Callable[[str], None],
) -> list[Done]:
    say(f"up after {machine.start():.1f} s")
    dealt: list[Done] = []
    for day, kinds in zip(dates, faults, strict=True):
        began = time.monotonic()
        machine.submit("nightly", _at(day, 1), catch_up=CATCH_UP)
        for kind in kinds:
            if kind == "trainer":
                _finish(machine, dates, day)
            dealt.append(FAULTS[kind](Scene(machine, day, chance)))
            say(f"{day}: {kind}: {dealt[-1].detail}")
        _finish(machine, dates, day)
        _quiet(machine)
        if day == dates[-1] or {"trainer", "server", "up"} & set(
            kinds
        ):  # the reconcile run; elsewhere it would find nothing
            machine.submit(
                "train", datetime.now(UTC)
            )  # the date that the event's run has, in one night of a few seconds
            wait_for(lambda: not machine.at_work("train"), NIGHT_S, "the end of the reconcile run")
        say(f"{day}: over after {time.monotonic() - began:.1f} s")
    return dealt


def _finish(machine: Machine, dates: Sequence[str], day: str) -> None:
    """Wait for the night's end; one that was interrupted is gone on with."""
    wait_for(lambda: not machine.at_work("nightly"), NIGHT_S, "the end of the night")
    if unfinished(machine, dates[: dates.index(day) + 1]):
        machine.submit("nightly", _at(day, 4), catch_up=CATCH_UP, resume=True)
        wait_for(lambda: not machine.at_work("nightly"), NIGHT_S, "the end of the resumed night")


def unfinished(machine: Machine, dates: Sequence[str]) -> list[str]:
    """The nights that have no end yet."""
    rows = machine.rows("select night from runs where event = 'finished' and run_id like 'night/%'")
    ended = {row["night"].partition("/")[0] for row in rows}
    return [day for day in dates if day not in ended]


def _at(day: str, hour: int) -> datetime:
    """A moment of a day, at the latest now."""
    then = datetime.combine(date.fromisoformat(day), datetime.min.time(), tzinfo=UTC) + timedelta(hours=hour)
    return min(then, datetime.now(UTC))


def _quiet(machine: Machine) -> None:
    """Wait until no run is at work, nor about to be: an event takes some seconds to become one."""

    def quiet() -> bool:
        for _ in range(4):
            if machine.at_work():
                return False
            time.sleep(1.0)
        return True

    wait_for(quiet, NIGHT_S, "the end of the night")


def _undisturbed(machine: Machine, dates: Sequence[str]) -> set[str]:
    """Run the same nights in a workspace of its own, where nothing goes wrong, and return the rows that need no student."""
    server = model_server(machine.folder / "undisturbed-book", 0.0, machine.environment)
    server.start()
    alone = copy.deepcopy(machine.recipe)
    alone["methods"] = [method for method in alone["methods"] if method["method"] == METHOD]
    alone["models"]["teacher"]["endpoint"] = f"http://127.0.0.1:{server.port}"
    alone["models"].pop("student", None)
    root = machine.folder / "undisturbed"
    try:
        asyncio.run(plain_nights(make_recipe(alone, folder=machine.folder), list(dates), root))
    finally:
        server.kill()
    with Lake(Workspace.open(root), read_only=True) as lake:
        return {row["sample_id"] for row in lake.rows("select sample_id from samples")}


@contextlib.contextmanager
def _disk(folder: Path) -> Iterator[Path]:
    """A small disk of its own where one may be mounted; otherwise a plain folder."""
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(disk)]
    mounted = sys.platform == "linux" and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield disk
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(disk)], check=True)
