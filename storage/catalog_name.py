"""PostgreSQL catalogues as a person names them (`postgres:...`), checked; credentials are refused."""

import re

from storage.errors import WorkspaceError

_SECRET = {"password", "passfile", "sslpassword", "sslkey"}
_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def parse_catalog(text: str) -> dict[str, str]:
    """Check a PostgreSQL catalogue as named by a person and return what `workspace.json` keeps of it.

    Args:
        text: `postgres:` and libpq's connection string or URL; the key `schema` names a schema [nightschool].

    Raises:
        WorkspaceError: It is no connection string, or it holds a password.
    """
    import psycopg
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    kind, _, rest = text.partition(":")
    if kind not in ("postgres", "postgresql"):
        raise WorkspaceError(f"catalogue {kind!r}: write postgres:host=... dbname=... user=..., or leave it out")
    rest = text if rest.startswith("//") else rest.strip()
    named = re.search(r"(?:^|[\s?&])schema=([^\s&]+)", rest)
    rest = re.sub(r"(^|[\s?&])schema=[^\s&]+&?", r"\1", rest).rstrip("?& ")
    schema = named[1] if named else "nightschool"
    if not _SCHEMA.fullmatch(schema):
        raise WorkspaceError(f"catalogue schema {schema!r}: use lower-case letters, digits and _")
    try:
        parts = conninfo_to_dict(rest)
    except psycopg.Error as error:
        fault = "a part cannot be read" if "password" in rest else str(error).strip()
        raise WorkspaceError(f"the catalogue's connection string is not one of libpq: {fault}") from None
    if secret := _SECRET & set(parts):
        raise WorkspaceError(
            f"the catalogue's connection string holds {', '.join(sorted(secret))}; leave it out and set PGPASSWORD "
            "or ~/.pgpass: credentials are never stored in a workspace"
        )
    return {"kind": "postgres", "conninfo": make_conninfo("", **parts), "schema": schema}
