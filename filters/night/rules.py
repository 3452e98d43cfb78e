"""How the rows of a night are curated: what a recipe says of filters, policy and alarms, read and checked in one place."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from filters import filter_kinds, get_filter
from filters.base import BoundFilter
from filters.night.alarms import AlarmOptions, read_alarm_options
from filters.night.ask_models import role_of
from filters.night.policy import Policies, read_policies
from filters.rules.caps import CapOptions
from synth.methods import methods


@dataclass(frozen=True)
class Rules:
    """What decides about a row.

    Attributes:
        filters: Every filter, with its options set.
        policies: What is asked of the rows of each method.
        alarms: What a filter may remove before the release stops.
        caps: Options of the caps.
    """

    filters: tuple[BoundFilter, ...]
    policies: Policies
    alarms: AlarmOptions
    caps: CapOptions

    @property
    def asking(self) -> list[BoundFilter]:
        """The filters that ask a model, where the recipe names its role."""
        return [bound for bound in self.filters if role_of(bound) is not None]


def read_rules(
    options: Mapping[str, Mapping[str, Any]],
    policy: Mapping[str, Any],
    alarms: Mapping[str, Any],
    *,
    observes: Mapping[str, Iterable[str]] | None = None,
) -> Rules:
    """Read `filters`, `policy` and `alarms` of a recipe.

    Args:
        options: Options by filter.
        policy: Options of the policy by method.
        alarms: What a filter may remove.
        observes: Filters that only observe the rows of a method, by method, as the methods themselves say.

    Raises:
        RecipeError: A filter, a method or an option is unknown, or a value cannot be used.
    """
    for name, given in options.items():
        get_filter(name, given)
    kinds = filter_kinds()
    return Rules(
        filters=tuple(get_filter(name, options.get(name)) for name in kinds),
        policies=read_policies(policy, methods=methods(), filters=kinds, observes=observes),
        alarms=read_alarm_options(alarms, methods=methods(), filters=kinds),
        caps=CapOptions.model_validate(options.get("caps", {})),
    )
