"""The flow `maintain`: keep the lake quick and clean between nights. Safe at any time, and any number of times."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from prefect import flow

from flows.night.dates import logical_date
from flows.night.night import Night, open_night
from flows.nightly import release, scan_history
from flows.recipe.recipe import Recipe
from flows.report.progress import Progress
from flows.report.write import write_report
from flows.service.assets import release_made
from flows.service.deployed import load_deployed
from flows.service.events import emit_release
from flows.service.runs import recorded
from flows.service.zombies import close_runs, drop_leases, end_model_servers
from storage.catalog.leases import Lease, acquire
from storage.errors import LeaseError, WorkspaceError
from storage.lake.maintenance import LEASE, maintain_lake
from storage.takedown.carry_out import resume
from storage.workspace import Workspace


@flow(name="maintain", validate_parameters=True)
def maintain(
    recipe: str,
    date: str | None = None,
    workspace: str | None = None,
    settings: list[str] | None = None,
    quiet: bool = False,
    timezone: str = "UTC",
) -> dict[str, Any]:
    """Scan history again when a benchmark manifest has grown, clean up what kills left behind, and keep the lake small.

    Rows that hold an item of the grown manifest are rejected, a release without them is made, and the next training
    learns from that one.

    Args:
        recipe: Path of the recipe.
        date: Logical date, YYYY-MM-DD; None takes the day this run was scheduled for.
        workspace: Folder; None takes the default.
        settings: `key.path=value` overrides of the recipe.
        quiet: Show no progress.
        timezone: Where the schedule's days begin.
    """
    day = logical_date(date, timezone)
    loaded, progress = load_deployed(recipe, settings or [], workspace), Progress(quiet=quiet)
    opened = Workspace.create(Path(workspace) if workspace else Workspace.default_root())
    with recorded(opened, f"maintain {day}", f"{day}/{loaded.name}"):
        return run_maintenance(loaded, day, opened, progress)


def run_maintenance(recipe: Recipe, date: str, workspace: Workspace, progress: Progress) -> dict[str, Any]:
    """Maintain a workspace and return what was done; while another one maintains it, nothing is."""
    cleaned = [*end_model_servers(workspace), *drop_leases(workspace), *close_runs(workspace)]
    for line in cleaned:
        progress.say(line)
    with open_night(recipe, date, workspace, progress, "maintenance") as night, ExitStack() as stack:
        try:
            lease = stack.enter_context(acquire(night.lake.catalog, LEASE, purpose=f"maintenance {night.id}"))
        except LeaseError as error:
            progress.say(f"nothing done: {error}")
            return {"night": night.id, "skipped": str(error), "cleaned": cleaned}
        taken = _finish_takedowns(night, lease)
        rejected = scan_history(night)
        made_release = _release_without(night) if rejected else None
        kept = maintain_lake(night.lake, lease=lease, say=progress.say)
        return {
            "night": night.id,
            "rejected": rejected,
            "release": made_release,
            "cleaned": cleaned,
            "lake": kept,
            "takedowns": taken,
        }


def _finish_takedowns(night: Night, lease: Lease) -> list[str]:
    """Finish what was interrupted, and return it; while a night or a training is at work, another time."""
    try:
        done = resume(night.lake, lease=lease, say=night.progress.say, rewrite=write_report)
    except (LeaseError, WorkspaceError) as error:
        night.progress.say(f"a takedown is not finished: {error}")
        return []
    return [takedown["takedown_id"] for takedown in done]


def _release_without(night: Night) -> str | None:
    """Make the release that leaves out what the benchmarks no longer allow, and tell of it."""
    successor = release(night, f"release:{night.id}:maintain:{night.benchmarks.digest}")
    if successor is None:
        return None
    emit_release(successor.id, successor.rows)
    release_made(night, successor)
    return successor.id
