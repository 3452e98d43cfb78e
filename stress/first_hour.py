"""The first hour of somebody new: a clean clone, and every command of README and the four start pages, in order.

    python -m stress.first_hour                            # makes its environments too, as the pages say
    python -m stress.first_hour --env .venv --vllm .venv-vllm    # with environments that are there
    python -m stress.first_hour --env .venv --workspace OLD      # with a copy of a workspace in which the demo has run
    python -m stress.first_hour ... --only docs/start/4-schedule.md docs/sql.md    # some pages; keeps no transcript

Behind the start pages come those commands of the other pages that no test can run (`tests.doc_commands.LONG`), each once.
The transcript is kept in `stress/results/first_hour.md`: each command, how it ended, how long it took, and the end of what it said.
What was not run stands there with the reason. The exit status is 1 when a command failed, or did not print what its page shows.
"""

import argparse
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.doc_commands import OTHERS, ROOT, START, commands, differs, files, is_long, outputs, why_not

BASH, GIT = shutil.which("bash") or "bash", shutil.which("git") or "git"
RESULT = Path(__file__).parent / "results" / "first_hour.md"
LIMIT_S = 1800.0
SHOWN = 14
"""Lines of each command's output that the transcript keeps."""

SERVES = {
    r"nightschool ui": r"http://127.0.0.1:\d+/\?token=",
    r"nightschool up .*": r"up: http",
    r"nightschool serve-model .*": r"Application startup complete|serves",
    r"prefect server start": r"Check out the dashboard",
    r"prefect worker start .*": r"started!",
}
"""Commands that run until Ctrl-C, and what they say once they are up."""
STAY = (r"nightschool serve-model .*--max-model-len.*", r"prefect server start", r"nightschool up .*--cron.*")
"""Of these, the ones that the next commands of their page need."""
HAD = {
    "job.json": {
        "options": {"budget_tokens": 20_000, "device": "cpu"},
        "rows": "train.parquet",
        "out": "checkpoints/mine",
    }
}
"""Files that a page takes for granted; `parent` of a job is the demo's base."""


@dataclass
class Step:
    """A command that was given, and what became of it."""

    page: str
    command: str
    seconds: float = 0.0
    status: int | None = None
    output: str = ""
    why_not: str | None = None
    unlike: str | None = None

    @property
    def failed(self) -> bool:
        """Whether it was run and did not end well, or printed something else than its page shows."""
        return self.why_not is None and (self.status != 0 or self.unlike is not None)


@dataclass
class Shell:
    """The reader's terminal: a folder, variables that `export` sets, and what still runs in the background."""

    folder: Path
    environment: dict[str, str]
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    def run(self, command: str) -> tuple[int, str]:
        """Run a command to its end, or to the limit: then its status is 124."""
        try:
            done = subprocess.run(  # noqa: S603 - a command of our own pages
                [BASH, "-c", command], cwd=self.folder, env=self.environment, capture_output=True,
                text=True, timeout=LIMIT_S, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return 124, f"ended after {LIMIT_S:.0f} s"
        return done.returncode, done.stdout + done.stderr

    def serve(self, command: str, up: str, *, stay: bool) -> tuple[int, str]:
        """Start what runs until Ctrl-C, wait until it is up, and press Ctrl-C unless others need it."""
        process = subprocess.Popen(  # noqa: S603 - a command of our own pages
            [BASH, "-c", f"exec {command}"], cwd=self.folder, env=self.environment, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, start_new_session=True,
        )  # fmt: skip
        text = "".join(_until(process, up))
        if not re.search(up, text):
            return process.wait() or 1, text
        if stay:
            self.running.append(process)
            return 0, text
        return self._end(process), text

    def close(self) -> None:
        """End what still runs."""
        for process in self.running:
            self._end(process)
        self.running.clear()

    @staticmethod
    def _end(process: "subprocess.Popen[str]") -> int:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return 1
        return 0 if process.returncode in (0, 130, -signal.SIGINT) else process.returncode


def _until(process: "subprocess.Popen[str]", pattern: str) -> Iterator[str]:
    """What a process says until it says this, ends, or takes too long; a thread reads on, so that its pipe never fills."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put("")

    threading.Thread(target=read, daemon=True).start()
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        with suppress(queue.Empty):
            line = lines.get(timeout=1.0)
            if not line:
                return
            yield line
            if re.search(pattern, line):
                return


def classify(command: str) -> tuple[str | None, str | None]:
    """Return why a command is not run, and what it says once it is up if it runs until Ctrl-C."""
    up = next((text for pattern, text in SERVES.items() if re.match(pattern, command)), None)
    return why_not(command), None if command.endswith("--status") else up


def filled(command: str, shell: Shell) -> str:
    """Put what the reader would look up in the place of NAME, INCUMBENT, CANDIDATE and MODEL."""
    if not re.search(r"\b(NAME|INCUMBENT|CANDIDATE|MODEL)\b", command):
        return command
    status, text = shell.run("nightschool model list --json")
    trained = [row for row in json.loads(text) if row["here"] and row["stage"] != "base"] if status == 0 else []
    if not trained:
        return command
    command = re.sub(r"\bNAME\b", Path(trained[0]["path"]).name, command)
    command = re.sub(r"\bMODEL\b", trained[0]["checkpoint_id"][:12], command)
    judged = [row["checkpoint_id"][:12] for row in trained if row["decisions"]] or [trained[0]["checkpoint_id"][:12]]
    command = re.sub(r"\bINCUMBENT\b", judged[-1], command)
    return re.sub(r"\bCANDIDATE\b", judged[0], command)


def clone(folder: Path, env: Path | None, vllm: Path | None) -> Shell:
    """Make a clean clone of what is committed, with the environments that are given."""
    subprocess.run([GIT, "clone", "--quiet", str(ROOT), str(folder)], check=True)  # noqa: S603
    for given, name, stamp in ((env, ".venv", ".installed"), (vllm, ".venv-vllm", ".stamp")):
        if given is not None:
            (folder / name).mkdir()
            for part in given.resolve().iterdir():
                (folder / name / part.name).symlink_to(part)
            (folder / name / stamp).unlink(missing_ok=True)
            (folder / name / stamp).touch()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT", "NIGHTSCHOOL"))}
    environment |= {
        "BROWSER": "true",
        "PREFECT_HOME": str(folder.parent / "prefect"),
        "NO_COLOR": "1",
        "COLUMNS": "120",
    }
    environment["PATH"] = f"{folder / '.venv' / 'bin'}:{environment['PATH']}"  # what `. .venv/bin/activate` does
    if env is not None:
        environment["PYTHONPATH"] = str(folder)  # the environment is another checkout's
    return Shell(folder, environment)


def do(step: Step, shell: Shell) -> None:
    """Give one command, as far as it can be given."""
    step.why_not, up = classify(step.command)
    if step.why_not is not None:
        return
    if re.match(r"(export )?\w+=(?!.* python )", step.command):  # holds for what comes after it
        step.status, text = shell.run(f"set -a; {step.command}; env -0")
        shell.environment |= dict(line.split("=", 1) for line in text.split("\0") if "=" in line)
        return
    step.command = filled(step.command, shell)
    started = time.monotonic()
    if up is not None:
        stay = any(re.fullmatch(pattern, step.command) for pattern in STAY)
        step.status, step.output = shell.serve(step.command, up, stay=stay)
    else:
        step.status, step.output = shell.run(step.command)
    step.seconds = time.monotonic() - started


def walk(shell: Shell, pages: Sequence[Path]) -> Iterator[Step]:
    """Give every command of the start pages, and what else no test runs, each once for each of these pages or all others."""
    given: set[str] = set()
    for name, content in (item for page in START for item in files(page).items()):
        (shell.folder / name).write_text(content, encoding="utf-8")
    for page in pages:
        shown, own = outputs(page), shell.environment.copy()
        for command in commands(page):
            if page not in START and (command in given or not is_long(command)):
                continue
            given.add(command)
            step = Step(str(page.relative_to(ROOT)), command)
            if "job.json" in command:
                _write_job(shell)
            do(step, shell)
            step.unlike = differs(shown[command], step.output) if command in shown else None
            print(f"{step.status} {step.seconds:6.1f} s  {step.command}", file=sys.stderr, flush=True)  # noqa: T201
            yield step
        shell.close()
        shell.environment = own


def _write_job(shell: Shell) -> None:
    (base,) = (shell.folder / ".nightschool" / "checkpoints").glob("base-*")
    (shell.folder / "job.json").write_text(json.dumps({**HAD["job.json"], "parent": str(base)}), encoding="utf-8")


def transcript(steps: list[Step], how: str) -> str:
    """Write the steps down."""
    ran = [step for step in steps if step.why_not is None]
    start = {str(page.relative_to(ROOT)) for page in START}
    hour = sum(step.seconds for step in ran if step.page in start)
    failed = [step for step in ran if step.failed]
    lines = [
        "# The first hour", "",
        f"{datetime.now(UTC):%Y-%m-%d}: `python -m stress.first_hour`, {how}. {len(ran)} commands were run in "
        f"{sum(step.seconds for step in ran) / 60:.0f} minutes ({hour / 60:.0f} for README and the four start pages), "
        f"{len(failed)} failed, {len(steps) - len(ran)} were not run.",
        "The end of what each said is shown.",
    ]  # fmt: skip
    page = ""
    for step in steps:
        if step.page != page:
            page = step.page
            lines += ["", f"## {page}"]
        lines += ["", f"`{step.command}`: " + (f"not run: {step.why_not}" if step.why_not else _ended(step))]
        shown = step.output.strip().splitlines()[-SHOWN:]
        if shown:
            lines += ["", "```text", *(line.rstrip()[:160].replace("```", "'''") for line in shown), "```"]
    return "\n".join(lines) + "\n"


def _ended(step: Step) -> str:
    if step.status == 0 and step.unlike is not None:
        return f"printed no line like {step.unlike.strip()!r}, {step.seconds:.1f} s"
    return f"{'failed with ' + str(step.status) if step.failed else 'ended well'}, {step.seconds:.1f} s"


def main() -> None:
    """Run the hour and keep its transcript."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env", type=Path, help="an environment that is there, instead of making one")
    parser.add_argument("--vllm", type=Path, help="an environment of vLLM that is there")
    parser.add_argument("--workspace", type=Path, help="a workspace in which the demo has run")
    parser.add_argument("--only", nargs="+", type=Path, metavar="PAGE", help="some pages; keeps no transcript")
    parser.add_argument("--keep", type=Path, help="where to work; a new temporary folder otherwise")
    options = parser.parse_args()
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a job in the background ignores it, and so would its children
    folder = options.keep or Path(tempfile.mkdtemp(prefix="nightschool-first-hour-"))
    folder.mkdir(parents=True, exist_ok=True)
    shell = clone(folder / "nightschool", options.env, options.vllm)
    if options.workspace is not None:
        shutil.copytree(options.workspace, shell.folder / ".nightschool")
    steps = []
    pages = [*START, *OTHERS] if options.only is None else [ROOT / page for page in options.only]
    try:
        for step in walk(shell, pages):
            steps.append(step)
            if step.failed:
                print(step.output[-3000:], step.unlike or "", file=sys.stderr, flush=True)  # noqa: T201
    finally:
        shell.close()
        how = "environments made by its own commands" if options.env is None else "with environments that were there"
        how += "" if options.workspace is None else ", the demo's two nights having run before in the same workspace"
        if options.only is None:
            RESULT.write_text(transcript(steps, how), encoding="utf-8")
        if options.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    raise SystemExit(any(step.failed for step in steps))


if __name__ == "__main__":
    main()
