"""Content identities: the same content has the same id on every machine and in every run."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def canonical_json(value: Any) -> str:
    """Serialise `value` so that equal values give equal text: sorted keys, no spaces, no NaN.

    Raises:
        ValueError: `value` holds NaN or an infinity.
        TypeError: `value` holds something JSON cannot express.
    """
    return _encode(value)


def digest(*parts: Any, length: int = 32) -> str:
    """Hash JSON-like parts to `length` hexadecimal digits (SHA-256, cut)."""
    text = canonical_json(parts)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]


def seed_from(*parts: Any) -> int:
    """Derive a 63-bit seed by hashing, so that seeds of neighbouring numbers are unrelated."""
    return int(digest(*parts, length=16), 16) >> 1


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_files(paths: Iterable[Path], root: Path) -> str:
    """Hash the names (relative to `root`) and contents of files, in sorted order."""
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(path.relative_to(root).as_posix().encode() + b"\0")
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()[:32]
