"""A workspace: its lake and ledger, who holds a lease, and model servers without an owner."""

import json
from collections.abc import Iterator
from pathlib import Path

from flows.doctor.finding import Finding, ok, warn
from storage.workspace import Workspace


def check_workspace(root: Path) -> Iterator[Finding]:
    """Look at a workspace, which need not exist yet."""
    from storage.catalog.catalog import catalog_of
    from storage.lake.lake import Lake

    if not root.exists():
        yield ok("workspace", f"{root} is not there yet; the first night makes it")
        return
    workspace = Workspace.open(root)
    if catalog_of(workspace).exists():
        with Lake(workspace, read_only=True) as lake:
            yield ok("lake", f"{workspace.root}, {lake.last_seq():,} commits")
    else:
        yield ok("lake", f"{workspace.root} holds no data yet")
    yield from _ledger(workspace)
    yield from _leases(workspace)
    yield from _orphans(workspace)


def _ledger(workspace: Workspace) -> Iterator[Finding]:
    from storage.ledger.ledger import Ledger

    if not workspace.ledger.exists():
        yield ok("ledger", "none yet")
        return
    with Ledger(workspace.ledger) as ledger:
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
        record = json.loads(file.read_text(encoding="utf-8"))
        if any(is_alive(process) for process in record["processes"]) and not is_alive(record["owner"]):
            state = f"a vLLM server of {file.parent.name} runs without its owner (process group {record['group']})"
            yield warn("orphan", state, "the next night that needs it ends it; or end it by its process group")
