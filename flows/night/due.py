"""Which nights of a recipe are due, by what the lake knows of those before."""

from dataclasses import dataclass

from filters.night.alarms import AlarmError
from flows.night.dates import due_nights
from flows.recipe.recipe import Recipe
from storage.errors import BudgetError, PinError, ProblemError, RecipeError
from storage.lake import nights
from storage.lake.lake import Lake
from storage.workspace import Workspace

FOR_A_PERSON = {error.__name__ for error in (AlarmError, BudgetError, PinError, ProblemError, RecipeError)}
"""What stops a night until somebody has looked; anything else may be over by the next try."""


@dataclass(frozen=True, slots=True)
class Due:
    """What is due up to a night, oldest first.

    Attributes:
        nights: The night itself and those before it that an outage left out or interrupted.
        interrupted: Those of them that were begun, have not ended, and may go on without a person.
    """

    nights: list[str]
    interrupted: list[str]


def due_by_the_lake(recipe: Recipe, day: str, workspace: Workspace, catch_up: int) -> Due:
    """Ask the lake which nights are due."""
    with Lake(workspace) as lake:
        finished, begun = (find(lake, recipe.name) for find in (nights.finished_dates, nights.begun_dates))
        stopped = nights.stopped(lake, recipe.name)
    due = due_nights(finished, begun, day, catch_up)
    waiting = {date for date, why in stopped.items() if why["kind"] in FOR_A_PERSON}
    return Due(due, [night for night in due if night in begun - finished - waiting])
