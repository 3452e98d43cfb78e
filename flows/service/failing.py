"""How a flow run fails: in Prefect too with a sentence and the command that goes on, not with a traceback."""

import shlex
from typing import Any, cast

from filters.night.alarms import AlarmError
from flows.recipe.recipe import Recipe
from storage.errors import NightschoolError, PinError
from storage.workspace import Workspace


def next_command(error: NightschoolError, recipe: Recipe, date: str, workspace: Workspace) -> str:
    """Return the command line to give after an error: for alarms, the one that accepts them; else the night's own again."""
    where = ["--workspace", str(workspace.root)]
    if isinstance(error, AlarmError):
        return shlex.join(["nightschool", "alarms", "accept", f"{date}/{recipe.name}", "--because", "...", *where])
    return recipe.command(date, *where, *(["--repin"] if isinstance(error, PinError) else []))


def failed(error: NightschoolError, recipe: Recipe, date: str, workspace: Workspace) -> dict[str, Any]:
    """Return the state that a flow run ends in after an error; whoever called the flow gets the error itself.

    It is returned from the flow in the place of its figures, so that its message stands on the run's page and in notifications.
    """
    from prefect.states import Failed

    command = next_command(error, recipe, date, workspace)
    return cast(dict[str, Any], Failed(message=f"{error}\n\nNext: `{command}`", data=error))
