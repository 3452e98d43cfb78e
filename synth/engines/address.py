"""The address of an endpoint, as a recipe says it: plain, without a credential."""

from urllib.parse import urlsplit

from storage.errors import RecipeError


def root_of(endpoint: str) -> str:
    """Normalise an endpoint to its root, without `/v1`.

    Raises:
        RecipeError: It is no http(s) address, or holds a credential, which the message does not repeat.
    """
    try:
        parts = urlsplit(endpoint.strip())
        port = parts.port
    except ValueError:
        raise RecipeError("endpoint: not an address; right would be http://127.0.0.1:8000") from None
    if "@" in endpoint or parts.query or parts.fragment:
        where = f" of {parts.hostname}" if parts.netloc and parts.hostname else ""
        raise RecipeError(
            f"endpoint: the address{where} holds a user, a password, a query or a fragment; give the "
            "plain address, and the name of an environment variable for the credential (`api_key_env`)"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise RecipeError(f"endpoint: {endpoint!r} is not an http(s) address; right would be http://127.0.0.1:8000")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    path = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
    return f"{parts.scheme}://{host}{'' if port is None else f':{port}'}{path}"
