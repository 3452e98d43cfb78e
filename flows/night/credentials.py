"""The credentials of a recipe's roles, tried before a night begins: a list of models costs no token."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError

from flows.recipe.recipe import Recipe
from storage.errors import ModelServerError
from synth.engines.http_json import NO_ANSWER, ask, bare

REFUSED = 401
"""403 is no such answer: a key may be allowed to chat and not to list models."""


def check_credentials(recipe: Recipe) -> None:
    """Ask the endpoints of every role for their models, with its credential.

    A server that does not answer, or that has no such list, is left to the night, which waits for one that is away.

    Raises:
        ModelServerError: A server refuses the credential, or wants one; or the variable that a role names is empty.
    """
    with ThreadPoolExecutor(8) as pool:
        for refusal in pool.map(lambda question: _refusal(*question), sorted(_questions(recipe))):
            if refusal is not None:
                raise ModelServerError(refusal)


def _questions(recipe: Recipe) -> Iterator[tuple[str, str, str]]:
    for role, spec in recipe.models.items():
        for address in spec.endpoints:
            yield address, spec.api_key_env or "", role


def _refusal(address: str, variable: str, role: str) -> str | None:
    """What to say of an endpoint that refuses its role's credential."""
    key = os.environ.get(variable, "").strip() if variable else ""
    if variable and not key:
        return f"models.{role}: the environment variable {variable} (its credential) is empty or not set: export {variable}=..."
    try:
        ask(f"{address.rstrip('/').removesuffix('/v1')}/v1/models", f"Bearer {key}" if key else None)
    except HTTPError as error:
        if error.code == REFUSED:
            remedy = f"put a valid one into {variable}" if variable else f"name its variable: models.{role}.api_key_env"
            what = f"refuses the credential in {variable}" if variable else "wants a credential"
            return f"models.{role}: {bare(address)} {what} (HTTP {error.code}); {remedy}. Nothing was asked"
    except NO_ANSWER:
        return None
    return None
