"""What methods prepare once a night, as it is kept: one row per artefact, under the key of what it depends on."""

from collections.abc import Sequence

from storage.errors import PinError
from storage.ids import digest
from storage.lake.lake import Lake, table_of


def find_artefact(lake: Lake, key: str) -> str | None:
    """Return the JSON of an artefact; None when it has not been made.

    Raises:
        PinError: It was made, and has been taken down with something that it was made from.
    """
    rows = lake.rows("select value, method, night from artefacts where artefact_key = ?", [key])
    if not rows:
        return None
    if rows[0]["value"] is None:
        raise PinError(
            f"what {rows[0]['method']} had prepared for the night {rows[0]['night']} was taken down with something that it "
            "was made from; choose another --date"
        )
    return str(rows[0]["value"])


def record_artefact(
    lake: Lake,
    key: str,
    value: str,
    *,
    night: str,
    method: str,
    problem_ids: Sequence[str],
    call_ids: Sequence[str],
    prompts: Sequence[str],
) -> str:
    """Keep an artefact, once per key, and return the one that is kept: of two processes the first one's.

    Args:
        lake: The lake.
        key: Digest of what it depends on.
        value: The artefact, as canonical JSON.
        night: Night.
        method: Method.
        problem_ids: Problems that it was made from.
        call_ids: Calls behind it.
        prompts: Prompts that were used, `name@digest`.
    """
    row = {
        "artefact_key": key, "artefact_id": digest(value, length=12), "night": night, "method": method, "value": value,
        "problem_ids": list(problem_ids), "call_ids": list(call_ids), "prompts": list(prompts),
    }  # fmt: skip
    lake.commit(f"artefact:{key}", "artefact", {"artefacts": table_of("artefacts", [row])}, night=night)
    return find_artefact(lake, key) or value
