"""`nightschool doctor`: whether everything a night needs is there. Each finding is a line with what to do about it.

Looks, and changes nothing. Fast: asks no model and imports neither torch nor transformers unless `deep`. No credential is shown.
"""

import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import psutil

from flows.doctor.services import endpoint_lines, masked, prefect_lines
from storage.errors import NightschoolError
from storage.workspace import Workspace

Level = Literal["ok", "warn", "fail"]

ROOT = Path(__file__).parent.parent.parent
FREE_GIB = 10.0
"""Less free space is worth a warning; a tenth of it is a failure. Our own choice: a 0.6B checkpoint takes 1.2 GiB."""


@dataclass(frozen=True, slots=True)
class Line:
    """One finding.

    Attributes:
        part: What was looked at.
        level: `ok`, `warn` (a night may run) or `fail` (it will not).
        found: What is so.
        remedy: What to do; empty when all is well.
    """

    part: str
    level: Level
    found: str
    remedy: str = ""

    def to_json(self) -> dict[str, str]:
        """Return the fields as plain values."""
        return asdict(self)


def examine(root: Path, recipe: Path | None = None, *, deep: bool = False) -> list[Line]:
    """Look at everything and return what was found; a check that breaks is a finding itself.

    Args:
        root: Folder of the workspace; it need not exist yet.
        recipe: A recipe whose models are looked at too.
        deep: Also import torch and say which device it would train on (some seconds).
    """
    checks: list[tuple[str, Callable[[], Iterator[Line]]]] = [
        ("environment", _environment),
        ("versions", _versions),
        ("Prefect", lambda: _prefect(root)),
        ("workspace", lambda: _workspace(root)),
        ("disk", lambda: _disk(root)),
        ("GPU", _gpu),
        ("vLLM", _vllm),
    ]
    if recipe is not None:
        checks.append(("recipe", lambda: _recipe(recipe)))
    if deep:
        checks.append(("torch", _torch))
    found: list[Line] = []
    for part, check in checks:
        try:
            found += check()
        except NightschoolError as error:
            found.append(Line(part, "fail", masked(str(error))))
        except Exception as error:  # the doctor must get to the end, and says what broke
            found.append(
                Line(part, "fail", masked(f"the check broke: {type(error).__name__}: {error}"), "report it as a bug")
            )
    return found


def _environment() -> Iterator[Line]:
    version = platform.python_version()
    right = (3, 11) <= sys.version_info[:2] < (3, 14)
    remedy = "" if right else "use Python 3.11, 3.12 or 3.13"
    yield Line("Python", "ok" if right else "fail", f"{version} on {platform.system()} {platform.machine()}", remedy)
    if sys.prefix == sys.base_prefix:
        yield Line("environment", "warn", "no virtual environment", "`make env`, then .venv/bin/nightschool")
    memory, cores = psutil.virtual_memory(), psutil.cpu_count() or 1
    yield Line("machine", "ok", f"{cores} cores, {memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GiB free")


def _versions() -> Iterator[Line]:
    """Direct dependencies must be there; what was tested together is in constraints.txt."""
    pins = dict(re.findall(r"^([A-Za-z0-9_.-]+)==(\S+)", _read(ROOT / "constraints.txt"), re.M))
    direct = re.findall(
        r'^    "([A-Za-z0-9_.-]+)[^"]*",', _read(ROOT / "pyproject.toml").split("[project.opt")[0], re.M
    )
    missing, other = [], []
    for name, pin in pins.items():
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            if name in direct:
                missing.append(name)
            continue
        if installed.partition("+")[0] != pin.partition("+")[0]:
            other.append(f"{name} {installed} (tested with {pin})")
    if missing:
        remedy = "`make env`, or pip install --constraint constraints.txt --editable ."
        yield Line("versions", "fail", f"not installed: {', '.join(missing)}", remedy)
    if other:
        more = f" and {len(other) - 5} more" if len(other) > 5 else ""
        yield Line(
            "versions", "warn", ", ".join(other[:5]) + more, "pip install --constraint constraints.txt --editable ."
        )
    if not missing and not other:
        said = (
            f"{len(pins)} packages as tested together"
            if pins
            else "no constraints.txt beside the program to compare with"
        )
        yield Line("versions", "ok", said)


def _prefect(root: Path) -> Iterator[Line]:
    from flows.doctor.up import service_of, up_lines
    from flows.service.prefect_server import read_login

    workspace = Workspace.open(root) if root.exists() else None
    service = service_of(workspace)
    login = read_login(workspace) if workspace is not None and service is not None else None
    if workspace is not None:
        yield from (Line(*found) for found in up_lines(workspace, service))
    yield from (Line(*found) for found in prefect_lines(service.url if service else None, login))


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _workspace(root: Path) -> Iterator[Line]:
    from storage.catalog.catalog import catalog_of
    from storage.lake.lake import Lake

    if not root.exists():
        yield Line("workspace", "ok", f"{root} is not there yet; the first night makes it")
        return
    workspace = Workspace.open(root)
    if catalog_of(workspace).exists():
        with Lake(workspace, read_only=True) as lake:
            last = lake.last_seq()
        yield Line("lake", "ok", f"{workspace.root}, {last:,} commits")
    else:
        yield Line("lake", "ok", f"{workspace.root} holds no data yet")
    yield from _ledger(workspace)
    yield from _leases(workspace)
    yield from _orphans(workspace)


def _ledger(workspace: Workspace) -> Iterator[Line]:
    from storage.ledger.ledger import Ledger

    if not workspace.ledger.exists():
        yield Line("ledger", "ok", "none yet")
        return
    with Ledger(workspace.ledger) as ledger:
        calls, waiting = ledger.count(), len(ledger.unpublished(limit=1000))
    size = workspace.ledger.stat().st_size / 2**20
    said = f"{calls:,} finished calls, {size:,.0f} MiB"
    if waiting:
        many = f"{waiting:,}{'+' if waiting == 1000 else ''}"
        yield Line("ledger", "warn", f"{said}; {many} are not published yet", "the night's own command publishes them")
    else:
        yield Line("ledger", "ok", f"{said}, all published")


def _leases(workspace: Workspace) -> Iterator[Line]:
    from storage.catalog.catalog import catalog_of
    from storage.catalog.leases import list_leases

    catalog = catalog_of(workspace)
    holders = list_leases(catalog) if catalog.exists() else []
    for holder in holders:
        said = f"{holder.name} is held by process {holder.pid} for {holder.purpose or 'its work'}"
        if holder.alive:
            yield Line("lease", "ok", said)
        else:
            yield Line("lease", "warn", f"{said}, which is gone", "nothing: whoever needs it next takes it over")
    if not holders:
        yield Line("leases", "ok", "none is held")


def _orphans(workspace: Workspace) -> Iterator[Line]:
    from synth.engines.processes import is_alive

    for record in sorted((workspace.root / "servers").glob("*/vllm.json")):
        import json

        told = json.loads(record.read_text(encoding="utf-8"))
        if any(is_alive(process) for process in told["processes"]) and not is_alive(told["owner"]):
            said = f"a vLLM server of {record.parent.name} runs without its owner (process group {told['group']})"
            yield Line("orphan", "warn", said, "the next night that needs it ends it; or end it by its process group")


def _disk(root: Path) -> Iterator[Line]:
    place = next(folder for folder in (root.absolute(), *root.absolute().parents) if folder.exists())
    usage = shutil.disk_usage(place)
    free = usage.free / 2**30
    level: Level = "ok" if free >= FREE_GIB else "warn" if free >= FREE_GIB / 10 else "fail"
    remedy = "" if level == "ok" else "free some space; `nightschool model prune` removes old checkpoints"
    yield Line("disk", level, f"{free:,.1f} of {usage.total / 2**30:,.1f} GiB free at {place}", remedy)


def _gpu() -> Iterator[Line]:
    import subprocess

    program = shutil.which("nvidia-smi")
    if program is None:
        yield Line("GPU", "ok", "no NVIDIA driver; everything runs on the CPU")
        return
    fields = "name,memory.total,memory.used,driver_version"
    command = [program, f"--query-gpu={fields}", "--format=csv,noheader,nounits"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10)  # noqa: S603 - a fixed command
    if done.returncode:
        remedy = "reinstall the driver, or restart the machine"
        yield Line("GPU", "fail", f"nvidia-smi: {(done.stdout + done.stderr).strip()[:200]}", remedy)
        return
    for row in done.stdout.splitlines():
        name, total, used, driver = (part.strip() for part in row.split(","))
        busy = float(used) > 0.2 * float(total)
        remedy = "end what uses it, or let the night wait for it" if busy else ""
        said = f"{name}, {float(used) / 1024:.1f} of {float(total) / 1024:.0f} GiB in use, driver {driver}"
        yield Line("GPU", "warn" if busy else "ok", said, remedy)


def _vllm(needed: bool = False) -> Iterator[Line]:
    from storage.errors import ModelServerError
    from synth.engines.vllm_command import vllm_python

    try:
        python = vllm_python()
    except ModelServerError as error:
        yield Line(
            "vLLM", "fail" if needed else "warn", str(error), "`make vllm`; not needed for endpoints of your own"
        )
        return
    packages = python.parent.parent.glob("lib/python3*/site-packages/vllm*-*.dist-info")
    found = sorted(path.name.removesuffix(".dist-info").replace("-", " ") for path in packages)
    yield Line("vLLM", "ok", f"{', '.join(found) or 'installed'} in {python.parent.parent}")


def _recipe(path: Path) -> Iterator[Line]:
    from flows.recipe.recipe import load_recipe
    from synth.engines.spec import PROMOTED

    recipe = load_recipe(path)
    yield Line("recipe", "ok", f"{recipe.name}: {len(recipe.methods)} methods, digest {recipe.digest[:12]}")
    for role, spec in recipe.models.items():
        for found in endpoint_lines(role, spec):
            yield Line(*found)
        if spec.engine == "vllm" and not spec.endpoints:
            yield from (line for line in _vllm(needed=True) if line.level == "fail")
        if spec.checkpoint not in (None, PROMOTED):
            folder = recipe.path(str(spec.checkpoint))
            there = folder.is_dir()
            remedy = "" if there else f"set models.{role}.checkpoint to a Hugging Face folder"
            said = str(folder) if there else f"{folder} does not exist"
            yield Line(f"models.{role}", "ok" if there else "fail", said, remedy)


def _torch() -> Iterator[Line]:
    import torch

    device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    has_gpu = shutil.which("nvidia-smi") is not None
    level: Level = "warn" if has_gpu and device == "cpu" else "ok"
    remedy = "install a CUDA build of torch" if level == "warn" else ""
    yield Line("torch", level, f"{torch.__version__}, trains on {device}", remedy)


def print_lines(lines: list[Line]) -> None:
    """Print findings for people."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    table = Table.grid(padding=(0, 2))
    styles: dict[str, Any] = {"ok": "green", "warn": "yellow", "fail": "bold red"}
    for line in lines:
        words = Text(line.found)
        if line.remedy:
            words.append(f"\n{line.remedy}", style="italic")
        table.add_row(Text(line.level, style=styles[line.level]), Text(line.part), words)
    console.print(table)
