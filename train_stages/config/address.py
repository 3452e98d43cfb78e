"""The address of a server that a stage's settings name: plain, without a credential, as those of `models` are."""

from typing import Annotated

from pydantic import AfterValidator

from storage.errors import RecipeError
from synth.engines.address import root_of


def _plain(address: str) -> str:
    try:
        root_of(address)
    except RecipeError:
        raise ValueError(
            "give the plain http(s) address of a server, as http://127.0.0.1:8000, without user, password or query: it is kept "
            "with each checkpoint"
        ) from None
    return address


Address = Annotated[str, AfterValidator(_plain)]
"""Such an address; its error does not repeat what it may hold."""
