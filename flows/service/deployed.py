"""What a run of a deployment may not change.

Its parameters come through the Prefect server: whoever may start a run there gives them. So recipe, workspace and Ray cluster are
those of the deployment. The recipe's file is its owner's: who is asked, with which key, by which program and with which files
is the file's to say; numbers and choices may be given.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from flows.recipe.overrides import apply_override
from flows.recipe.reach import SOURCES, outside_files
from flows.recipe.recipe import Recipe, load_recipe, read_recipe
from storage.errors import RecipeError

NUMBERS = frozenset({"concurrency", "timeout_s", "outage_s", "max_model_len", "tokens_per_second", "price", "sampling"})
"""Of a model only these may be given: anything else says who is asked, where, with whose credential, or what is started."""
OF_THE_FILE = frozenset({"api_key_env", "command", "serve", "accelerate", "corpus", "from", "embedding", "report_to"})
"""Keys that name a server, a credential, a program or where to train from and what else to read, wherever they stand."""
OF_A_SOURCE = frozenset({"kind", "dataset", "revision", "config", "taskset"})
"""Keys of a source of problems, or of a benchmark, that say which package or which data set of the Hub it is."""

_SOURCES = re.compile(rf"({'|'.join(map(re.escape, SOURCES))})\.\d+(\.options)?")
_PROMPTS = re.compile(r"(methods\.\d+\.)?prompts")
"""Where a recipe names files to use instead of prompts."""


def load_deployed(recipe: str, settings: Sequence[str], workspace: str | None, ray: str | None = None) -> Recipe:
    """Read the recipe of a flow run, whose parameters may have come through a server. Writes nothing.

    Args:
        recipe: Path of the recipe.
        settings: `key.path=value` overrides of the recipe.
        workspace: The folder that the run was given.
        ray: The Ray cluster that the run was given.

    Raises:
        RecipeError: As `load_recipe`; or the run is a deployment's, and a parameter or a setting is not for it to give.
    """
    from prefect.client.orchestration import get_client
    from prefect.runtime import deployment

    path = Path(recipe)
    if deployment.id is not None:
        with get_client(sync_client=True) as client:
            own = client.read_deployment(deployment.id).parameters
        check_parameters(own, {"recipe": recipe, "workspace": workspace, "ray": ray})
        check_settings(path, settings)
    return load_recipe(path, settings)


def check_parameters(own: Mapping[str, object], given: Mapping[str, object]) -> None:
    """Refuse parameters of a run that are not those of its deployment, letter for letter.

    Args:
        own: The deployment's parameters, as its server has them.
        given: The run's, by name.

    Raises:
        RecipeError: One differs.
    """
    for name, value in given.items():
        if value != own.get(name):
            raise RecipeError(
                f"{name} {value!r}: a run of a deployment may not change it, since its parameters come through the Prefect "
                "server; leave it out, or write it among the deployment's own parameters and deploy again"
            )


def check_settings(path: Path, settings: Sequence[str]) -> None:
    """Refuse settings that a deployment must not give.

    Raises:
        RecipeError: A setting changes a model, a server, a credential, a program, a package or a data set of the Hub, or
            takes a file from outside the recipe's folder; the message names its key. Or the recipe cannot be read with it.
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
        raise _refusal(key, path)
    if settings:
        _check_read(path, settings)


def _check_read(path: Path, settings: Sequence[str]) -> None:
    """Refuse settings by which a recipe reads a model, or a file outside its folder, that it does not read without them."""
    try:
        recipe = load_recipe(path, [])
        files, models = {row["file"] for row in outside_files(recipe)}, {name for _, name in _models_of_stages(recipe)}
    except RecipeError:  # it is one only with its settings
        files, models = set(), set()
    changed = load_recipe(path, settings)
    for row in outside_files(changed):
        if row["file"] not in files:
            raise _refusal(row["named_by"], path, " to a file outside the recipe's folder")
    for key, name in _models_of_stages(changed):
        if name not in models:
            raise _refusal(key, path)


def _models_of_stages(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Give each checkpoint that a stage's settings name: a teacher, a judge, what is merged."""
    for step in recipe.train.steps if recipe.train else ():
        for name, origin in step.models.items():
            if origin.checkpoint:
                yield f"{step.key} ({name})", origin.checkpoint


def _refusal(key: str, path: Path, what: str = "") -> RecipeError:
    return RecipeError(
        f"{key}: settings of a deployment may not change it{what}, since they come through the Prefect server; "
        f"write it into {path.name}, or run `nightschool run` with --set"
    )


def _guarded(value: object, key_path: str = "") -> Iterator[tuple[str, object]]:
    """Give every value that only the file may say, by its key path."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            at = f"{key_path}.{key}" if key_path else str(key)
            of_a_model = key_path.startswith("models.") and key_path.count(".") == 1 and key not in NUMBERS
            of_a_source = str(key) in OF_A_SOURCE and _SOURCES.fullmatch(key_path) is not None
            own_text = key_path in ("base", "vars") and isinstance(inner, str) and not _is_number(inner)
            if of_a_model or of_a_source or own_text or _of_the_file(str(key)) or _PROMPTS.fullmatch(key_path):
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


def _of_the_file(key: str) -> bool:
    return key in OF_THE_FILE or key.endswith("endpoint")


def _is_number(text: str) -> bool:
    """Whether the text of a variable is a number or a truth value, and so names nothing."""
    return re.fullmatch(r"[-+.0-9eE_]+|true|false", text) is not None


def _inside(folder: Path, text: object) -> bool:
    """Whether a prompt's file lies in the recipe's folder; `${name}` could lead anywhere."""
    if not isinstance(text, str) or "$" in text or text.startswith("~"):
        return False
    return (folder / text).resolve().is_relative_to(folder.resolve())
