"""The models of a recipe: whether vLLM is there to be started, endpoints answer, and checkpoints exist."""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING

from flows.doctor.finding import Finding, fail, ok, warn
from storage.errors import ModelServerError
from storage.models.hub import hub_folder
from synth.engines.credentials import redact
from synth.engines.http_json import NO_ANSWER, ask, bare, denied, reason

LONGEST_NAME = 200
MOST_NAMES = 10_000
AT_ONCE = 8
"""Endpoints asked at once."""
LIMIT_S = 20.0
"""How long endpoints are asked, all together; each that was begun may take its own `PATIENCE_S` more."""

if TYPE_CHECKING:
    from flows.recipe.recipe import Recipe
    from synth.engines.spec import ModelSpec
    from train_stages.plan.steps import Step


def check_vllm() -> Iterator[Finding]:
    """Look for vLLM's own environment, without starting it."""
    from synth.engines.vllm_command import vllm_python

    try:
        environment = vllm_python().parent.parent
    except ModelServerError as error:
        yield warn("vLLM", str(error), "`make vllm`; not needed for endpoints of your own")
        return
    packages = environment.glob("lib/python3*/site-packages/vllm*-*.dist-info")
    names = sorted(path.name.removesuffix(".dist-info").replace("-", " ") for path in packages)
    yield ok("vLLM", f"{', '.join(names) or 'installed'} in {environment}")


def check_recipe(path: Path) -> Iterator[Finding]:
    """Look at a recipe and its models."""
    from flows.recipe.recipe import load_recipe
    from synth.engines.spec import PROMOTED, VERIFIER

    recipe = load_recipe(path)
    yield ok("recipe", f"{recipe.name}: {len(recipe.methods)} methods, digest {recipe.digest[:12]}")
    if recipe.train is not None and recipe.train.steps:
        yield ok("train.plan", ", ".join(step.name for step in recipe.train.steps))
        for step in recipe.train.steps:
            yield from _check_step(recipe, step)
    yield from check_endpoints(recipe.models)
    for role, spec in recipe.models.items():
        part = f"models.{role}"
        if spec.engine == "vllm" and not spec.endpoints:
            yield from (fail(line.part, line.state, line.remedy) for line in check_vllm() if line.level != "ok")
        if spec.checkpoint not in (None, PROMOTED, VERIFIER):
            folder = recipe.path(str(spec.checkpoint))
            if folder.is_dir():
                yield ok(part, str(folder))
            elif recipe.on_hub(str(spec.checkpoint)):
                name = recipe.checkpoint(str(spec.checkpoint))
                here = hub_folder(name, download=False)
                yield ok(part, f"{name}: {here or 'on the Hugging Face Hub, downloaded by the first night'}")
            else:
                yield fail(part, f"{folder} does not exist", f"set {part}.checkpoint to a Hugging Face folder")


def _check_step(recipe: "Recipe", step: "Step") -> Iterator[Finding]:
    for number, corpus in enumerate(step.corpora):
        path = recipe.path(corpus.path) if corpus.path is not None else None
        if path is not None and not path.is_file():
            yield fail(f"{step.key}.corpus.{number}", f"{path} does not exist", "name a .parquet or .jsonl file")


def check_endpoints(models: "Mapping[str, ModelSpec]", limit_s: float = LIMIT_S) -> Iterator[Finding]:
    """Look at the endpoints of all roles, some at once: whether they answer, and whether they serve the role's model.

    Args:
        models: By role.
        limit_s: No endpoint is asked after so many seconds.
    """
    asked = []
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        for role, spec in models.items():
            key = os.environ.get(spec.api_key_env) if spec.api_key_env else None
            if spec.api_key_env and not key:
                state = f"the environment variable {spec.api_key_env} is empty or not set"
                yield fail(f"models.{role}", state, f"export {spec.api_key_env}=...")
                continue
            for address in spec.endpoints:
                asked.append((role, address, pool.submit(_check_endpoint, role, spec, address, key)))
        wait([future for *_, future in asked], limit_s)
    finally:
        pool.shutdown(cancel_futures=True)
    for role, address, future in asked:
        if future.cancelled():
            state = f"{bare(address)} was not asked: other endpoints took {limit_s:.0f} s"
            yield warn(f"models.{role}", state, "see to those that do not answer, and ask again")
        else:
            yield future.result()


def _check_endpoint(role: str, spec: "ModelSpec", address: str, key: str | None) -> Finding:
    part = f"models.{role}"
    root = address.rstrip("/").removesuffix("/v1")
    try:
        listed = ask(f"{root}/v1/models", f"Bearer {key}" if key else None)
        names = [redact(str(model["id"]), key)[:LONGEST_NAME] for model in listed["data"][:MOST_NAMES]]
    except (*NO_ANSWER, KeyError, TypeError) as error:
        return _no_list(part, bare(address), spec.api_key_env, error)
    if spec.name and spec.name not in names:
        remedy = f"set {part}.name to what it serves: {', '.join(names[:5]) or 'nothing'}"
        return fail(part, f"{bare(address)} does not serve {spec.name}", remedy)
    return ok(part, f"{bare(address)} serves {spec.name or ', '.join(names[:3])}")


def _no_list(part: str, address: str, api_key_env: str | None, error: Exception) -> Finding:
    """What is wrong with an endpoint that does not say what it serves: the credential, or the server."""
    if not denied(error):
        return fail(
            part, f"{address} does not answer: {reason(error)}", f"start the server, or correct {part}.endpoint"
        )
    if api_key_env is None:
        remedy = f"name the environment variable that holds it: {part}.api_key_env"
        return fail(part, f"{address} answers, and wants a credential: {reason(error)}", remedy)
    state = f"{address} answers, and refuses the credential in {api_key_env}: {reason(error)}"
    return fail(part, state, f"put a valid one into {api_key_env}")
