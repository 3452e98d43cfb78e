"""Events are hints: they wake the training flow, which then asks the lake. Losing one changes nothing."""

RELEASE_CREATED = "nightschool.release.created"


def emit_release(release_id: str, rows: int) -> None:
    """Tell Prefect that a release was made."""
    from prefect.events import emit_event

    name = release_id.partition("@")[0]
    emit_event(
        RELEASE_CREATED,
        resource={"prefect.resource.id": f"lake.dataset.{name}", "prefect.resource.name": release_id},
        payload={"release": release_id, "rows": rows},
    )
