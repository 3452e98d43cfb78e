"""How a stage that was killed goes on: its output is all or nothing, and within it are states of the trainer.

(How a plan goes on with its next stage is in `train_stages.plan.run`: finished stages are found by their identity.)

A stage works in `.<name>.partial` beside its output and renames that folder when everything is in it, the manifest
last. While it trains, the trainer's states are in `trainer/checkpoint-N` there. A state counts only once it is sealed: a
list of its files and their sizes, written last, after all of them have reached the disk. Whatever is not sealed, or
belongs to other settings or rows, is thrown away.
"""

import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from storage.atomic import write_text
from storage.errors import TrainingError

SEAL = "sealed.json"
IDENTITY = "stage.json"
STATES = "trainer"
LOCK_S = 60.0
"""How long a stage waits for another process on the same output; one whose flow was killed ends within a second."""


@contextmanager
def output_folder(out: Path, identity: str = "") -> Iterator[Path]:
    """Give a folder to work in, which becomes `out` when the block ends well.

    Only the first process of several that train together prepares and renames; the others work in the same folder.

    Args:
        out: The output.
        identity: Digest of everything that determines it. A folder that was left by a stage with the same identity is
            kept, with its states; any other is emptied.

    Raises:
        TrainingError: `out` exists already, or another process works on it.
    """
    if out.exists():
        raise TrainingError(f"{out} exists already; a stage never writes over a checkpoint")
    partial = out.parent / f".{out.name}.partial"
    if int(os.environ.get("RANK", "0")) != 0:
        _await_identity(partial, identity)
        yield partial
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    with _only_one(out):
        if out.exists():
            raise TrainingError(f"{out} exists already: another process has just finished it")
        _prepare(partial, identity)
        yield partial
        (partial / IDENTITY).unlink()
        os.rename(partial, out)  # noqa: PTH104 - fails on a folder with content, unlike Path.replace on some systems
        _sync(out.parent)


def _prepare(partial: Path, identity: str) -> None:
    note = partial / IDENTITY
    if not (note.exists() and json.loads(note.read_text(encoding="utf-8") or "{}").get("identity") == identity):
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        write_json(note, {"identity": identity})
    for path in partial.iterdir():
        if path.name not in (IDENTITY, STATES):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _await_identity(partial: Path, identity: str) -> None:
    deadline = time.monotonic() + LOCK_S
    while time.monotonic() < deadline:
        try:
            if json.loads((partial / IDENTITY).read_text(encoding="utf-8"))["identity"] == identity:
                return
        except (OSError, ValueError):
            pass
        time.sleep(0.1)
    raise TrainingError(f"the first process did not prepare {partial} within {LOCK_S:.0f} s")


@contextmanager
def _only_one(out: Path) -> Iterator[None]:
    """Hold a lock between processes; the kernel frees it when its holder dies. The lock's file stays."""
    lock = FileLock(out.parent / f".{out.name}.lock")
    try:
        lock.acquire(timeout=LOCK_S)
    except Timeout:
        raise TrainingError(f"another process trains {out}; wait for it to end") from None
    try:
        yield
    finally:
        lock.release()


def last_state(folder: Path) -> Path | None:
    """Return the newest sealed state of a stage's folder, and throw away what is not sealed."""
    sealed: list[tuple[int, Path]] = []
    for path in (folder / STATES).glob("checkpoint-*"):
        number = re.fullmatch(r"checkpoint-(\d+)", path.name)
        if number and _whole(path):
            sealed.append((int(number[1]), path))
        elif int(os.environ.get("RANK", "0")) == 0:
            shutil.rmtree(path, ignore_errors=True)
    return max(sealed)[1] if sealed else None


def _whole(state: Path) -> bool:
    try:
        files = json.loads((state / SEAL).read_text(encoding="utf-8"))["files"]
        return bool(files) and all((state / name).stat().st_size == size for name, size in files.items())
    except (OSError, ValueError, KeyError, TypeError):
        return False


def seal(state: Path) -> None:
    """Declare a state finished, after its files have reached the disk."""
    files = {}
    for path in sorted(state.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
            files[path.relative_to(state).as_posix()] = path.stat().st_size
    write_json(state / SEAL, {"files": files})
    _sync(state)


def sealing_callback() -> Any:
    """The trainer callback that seals each state once every process has written its part."""
    from transformers import TrainerCallback

    class Seal(TrainerCallback):  # type: ignore[misc, unused-ignore]
        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            import torch.distributed as dist

            if dist.is_available() and dist.is_initialized():
                dist.barrier()
            if state.is_world_process_zero:
                seal(Path(args.output_dir) / f"checkpoint-{state.global_step}")

    return Seal()


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file, all or nothing, and wait until it is on the disk."""
    write_text(path, json.dumps(content, indent=1), synced=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
