"""What a deployment may not change of its recipe.

Its parameters come through the Prefect server: whoever may start a run there gives them. The recipe's file is its owner's. So
who is asked, with which key, by which program and with which files is the file's to say; numbers and choices may be given.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from flows.recipe.overrides import apply_override
from flows.recipe.reach import outside_files
from flows.recipe.recipe import Recipe, load_recipe, read_recipe
from storage.errors import RecipeError

NUMBERS = frozenset({"concurrency", "timeout_s", "outage_s", "max_model_len", "tokens_per_second", "price", "sampling"})
"""Of a model only these may be given: anything else says who is asked, where, with whose credential, or what is started."""
OF_THE_FILE = frozenset(
    {"endpoint", "api_key_env", "command", "serve", "rollout_endpoint", "accelerate", "corpus", "from"}
)
"""Keys that name a server, a credential, a program or where to train from and what else to read, wherever they stand."""

_PROMPTS = re.compile(r"(methods\.\d+\.)?prompts")
"""Where a recipe names files to use instead of prompts."""


def load_deployed(path: Path, settings: Sequence[str]) -> Recipe:
    """Read the recipe of a flow run, whose settings may have come through a server.

    Raises:
        RecipeError: As `load_recipe`; or the run is a deployment's, and a setting is not for a deployment to give.
    """
    from prefect.runtime import deployment

    if deployment.id is not None:
        check_settings(path, settings)
    return load_recipe(path, settings)


def check_settings(path: Path, settings: Sequence[str]) -> None:
    """Refuse settings that a deployment must not give.

    Raises:
        RecipeError: A setting changes a model, a server, a credential, a program, or takes a file from outside the
            recipe's folder; the message names its key. Or the recipe cannot be read with it.
    """
    content = read_recipe(path)
    before = dict(_guarded(content))
    for setting in settings:
        apply_override(content, setting)
    after = dict(_guarded(content))
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) == after.get(key):
            continue
        if _PROMPTS.fullmatch(key.rpartition(".")[0]) and _inside(path.parent, after.get(key)):
            continue
        raise RecipeError(
            f"{key}: settings of a deployment may not change it, since they come through the Prefect server; "
            f"write it into {path.name}, or run `nightschool run` with --set"
        )
    if settings:
        _check_files(path, settings)


def _check_files(path: Path, settings: Sequence[str]) -> None:
    """Refuse settings by which a recipe reads a file outside its folder that it does not read without them."""
    try:
        own = {row["file"] for row in outside_files(load_recipe(path, []))}
    except RecipeError:  # it is one only with its settings
        own = set()
    for row in outside_files(load_recipe(path, settings)):
        if row["file"] not in own:
            raise RecipeError(
                f"{row['named_by']}: settings of a deployment may not change it to a file outside the recipe's folder, since they "
                f"come through the Prefect server; write it into {path.name}, or run `nightschool run` with --set"
            )


def _guarded(value: object, key_path: str = "") -> Iterator[tuple[str, object]]:
    """Give every value that only the file may say, by its key path."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            at = f"{key_path}.{key}" if key_path else str(key)
            of_a_model = key_path.startswith("models.") and key_path.count(".") == 1 and key not in NUMBERS
            if of_a_model or str(key) in OF_THE_FILE or _PROMPTS.fullmatch(key_path):
                yield at, inner
            else:
                yield from _guarded(inner, at)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _guarded(inner, f"{key_path}.{number}")
    elif (
        key_path == "models"
        or _PROMPTS.fullmatch(key_path)
        or (key_path.startswith("models.") and key_path.count(".") == 1)
    ):
        yield key_path, value


def _inside(folder: Path, text: object) -> bool:
    """Whether a prompt's file lies in the recipe's folder; `${name}` could lead anywhere."""
    if not isinstance(text, str) or "$" in text or text.startswith("~"):
        return False
    return (folder / text).resolve().is_relative_to(folder.resolve())
