"""The library itself: its version, its configurations by tier, and its entries, the same for the same seed."""

import json
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from storage.errors import RecipeError
from synth.problems.reasoning_gym.table import surveyed_version
from synth.sandbox.values import from_plain

SIZE = 500
"""Entries of a data set, as the library has it by default; some tasks make all of them at once."""


def check_installed() -> None:
    """Check that the library is there, in the version that was surveyed.

    Raises:
        RecipeError: It is not.
    """
    wanted = surveyed_version()
    try:
        installed = version("reasoning-gym")
    except PackageNotFoundError:
        raise RecipeError(
            "reasoning-gym is not installed; install it with: pip install 'nightschool[reasoning-gym]'"
        ) from None
    if installed != wanted:
        raise RecipeError(
            f"reasoning-gym {installed} is installed, and what its tasks can do is known of {wanted}; install that, or make the "
            "table anew: python -m synth.problems.reasoning_gym.survey"
        )


def options_of(name: str, tier: int, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration of a tier as plain options of the library, those in `config` instead of the tier's.

    With a curriculum, tier n sets each of its attributes to its level n, or to its last. Tier 1 is the library's own default
    without one, and where the library refuses the first level of its own.

    Raises:
        RecipeError: An option is unknown or has a wrong value.
    """
    from dataclasses import fields

    from reasoning_gym.factory import CURRICULA, DATASETS

    _, kind = DATASETS[name]
    options = {} if name not in CURRICULA else _of_curriculum(CURRICULA[name](), tier)
    if tier == 1 and _fault(kind, options):
        options = {}
    known = {field.name for field in fields(kind)} - {"seed", "size"}
    unknown = sorted(set(config) - known)
    if unknown:
        raise RecipeError(
            f"reasoning-gym task {name!r}: config has no option {unknown[0]!r}; its options are {', '.join(sorted(known))}"
        )
    options |= config
    if fault := _fault(kind, options):
        raise RecipeError(f"reasoning-gym task {name!r}, tier {tier}: {fault}")
    return options


def _fault(kind: Any, options: Mapping[str, Any]) -> str | None:
    """What the library says against a configuration."""
    try:
        config = kind(**options, seed=0, size=SIZE)
        if hasattr(config, "validate"):
            config.validate()
    except (AssertionError, TypeError, ValueError) as error:
        return str(error) or "its configuration is not valid"
    return None


def _of_curriculum(curriculum: Any, tier: int) -> dict[str, Any]:
    for attribute in curriculum.attributes.values():
        curriculum.set_attr_level(attribute.name, min(tier - 1, len(attribute.levels) - 1))
    made = curriculum.generate_configuration({"seed": 0, "size": SIZE})
    names = {
        field
        for attribute in curriculum.attributes.values()
        for field in (getattr(attribute, key, None) for key in ("field_name", "lower_field_name", "upper_field_name"))
        if field
    }
    return {name: getattr(made, name) for name in sorted(names)}


def make_dataset(name: str, options: Mapping[str, Any], seed: int, size: int = SIZE) -> Any:
    """Return a data set of the library; the same arguments give the same entries."""
    from reasoning_gym.factory import create_dataset

    with seeded(seed):
        return create_dataset(name, **options, seed=seed, size=size)


@lru_cache(maxsize=64)
def scorer(name: str, options: str) -> Any:
    """Return a data set for scoring alone, by its options as plain JSON."""
    return make_dataset(name, from_plain(json.loads(options)), 0, size=1)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the generators of `random` and numpy that some tasks draw from beside their own, and restore them afterwards."""
    import numpy

    before, arrays = random.getstate(), numpy.random.get_state()
    random.seed(seed)
    numpy.random.seed(seed % 2**32)
    try:
        yield
    finally:
        random.setstate(before)
        numpy.random.set_state(arrays)
