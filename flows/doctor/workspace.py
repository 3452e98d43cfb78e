"""A workspace: its lake and ledger, who holds a lease, and model servers without an owner."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from flows.doctor.finding import Finding, fail, ok, warn
from storage.errors import NightschoolError
from storage.faults import irregular
from storage.workspace import Workspace

_QUICKLY_READ = 256 << 20
"""Bytes of a ledger that is read as a whole; `nightschool ledger check` reads larger ones."""


def workspace_checks(root: Path) -> list[tuple[str, Callable[[], Iterator[Finding]]]]:
    """Return what there is to look at in a workspace, each part by itself, so that a damaged one hides no other."""
    checks: dict[str, Callable[[Workspace], Iterator[Finding]]] = {
        "lake": _lake, "ledger": _ledger, "leases": _leases, "orphans": _orphans,
    }  # fmt: skip
    if not root.exists():
        return [("workspace", partial(iter, [ok("workspace", f"{root} is not there yet; the first night makes it")]))]
    try:
        workspace = Workspace.open(root)
    except NightschoolError as error:
        state, _, remedy = str(error).partition("; ")
        return [("workspace", partial(iter, [fail("workspace", state, remedy)]))]
    return [(name, partial(check, workspace)) for name, check in checks.items()]


def _lake(workspace: Workspace) -> Iterator[Finding]:
    from storage.catalog.catalog import catalog_of
    from storage.catalog.hashes import lake_files
    from storage.catalog.presence import must_have_catalog
    from storage.lake.lake import Lake
    from storage.upkeep.check import damaged_catalogue

    catalog = catalog_of(workspace)
    damage = list(damaged_catalogue(workspace, catalog))
    for line in damage:
        state, _, remedy = line.partition("; ")
        yield fail("lake", state, remedy)
    must_have_catalog(workspace, catalog, new=True)
    if not catalog.exists():
        yield ok("lake", f"{workspace.root} holds no data yet")
        return
    with Lake(workspace, read_only=True) as lake:
        commits = lake.last_seq()
        files = len(lake_files(lake.connection, workspace, catalog))
    if files and "://" not in workspace.data_path and not workspace.data.is_dir():
        state = f"{workspace.data_path} is not there, where the lake has {files:,} files"
        yield fail("lake", state, "mount it, or correct `data` in workspace.json")
    elif not damage:
        yield ok("lake", f"{workspace.root}, {commits:,} commits")


def _ledger(workspace: Workspace) -> Iterator[Finding]:
    from storage.ledger.ledger import Ledger

    if not workspace.ledger.exists() and not irregular(workspace.ledger):
        yield ok("ledger", "none yet")
        return
    with Ledger(workspace.ledger) as ledger:
        if workspace.ledger.stat().st_size < _QUICKLY_READ:
            ledger.must_be_whole()
        calls, waiting = ledger.count(), len(ledger.unpublished(limit=1000))
    state = f"{calls:,} finished calls, {workspace.ledger.stat().st_size / 2**20:,.0f} MiB"
    if waiting:
        many = f"{waiting:,}{'+' if waiting == 1000 else ''}"
        yield warn("ledger", f"{state}; {many} are not published yet", "the night's own command publishes them")
    else:
        yield ok("ledger", f"{state}, all published")


def _leases(workspace: Workspace) -> Iterator[Finding]:
    from storage.catalog.catalog import catalog_of
    from storage.catalog.leases import list_leases

    catalog = catalog_of(workspace)
    leases = list_leases(catalog) if catalog.exists() else []
    for lease in leases:
        state = f"{lease.name} is held by process {lease.pid} for {lease.purpose or 'its work'}"
        if lease.alive:
            yield ok("lease", state)
        else:
            yield warn("lease", f"{state}, which is gone", "nothing: whoever needs it next takes it over")
    if not leases:
        yield ok("leases", "none is held")


def _orphans(workspace: Workspace) -> Iterator[Finding]:
    from synth.engines.processes import is_alive

    for file in sorted((workspace.root / "servers").glob("*/vllm.json")):
        try:
            record = json.loads(file.read_text(encoding="utf-8"))
            group = record["group"]
            left = any(is_alive(process) for process in record["processes"]) and not is_alive(record["owner"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            yield warn("orphan", f"{file} is damaged", "remove it, after a look whether its server still runs")
            continue
        if left:
            state = f"a vLLM server of {file.parent.name} runs without its owner (process group {group})"
            yield warn("orphan", state, "the next night that needs it ends it; or end it by its process group")
