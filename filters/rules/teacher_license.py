"""Under which terms a row may be used: rows that a model of another licence wrote a part of are rejected."""

from pydantic import Field

from filters.base import PASS, Context, Finding, Options, fail, row_filter
from filters.rows import Row


class TeacherLicenseOptions(Options):
    """Options of `teacher_license`."""

    accept: tuple[str, ...] | None = Field(
        default=None,
        description="Licences and terms that are accepted, as `models.<role>.license` says them; None accepts every one. A "
        "model of which the recipe says none has `unknown`. A row that no model wrote has none, and passes.",
    )


@row_filter("teacher_license", version="1", options=TeacherLicenseOptions)
def teacher_license(row: Row, context: Context, options: TeacherLicenseOptions) -> Finding:
    """Every model that wrote a part of it has a licence that the recipe accepts."""
    if options.accept is None:
        return PASS
    if row.licenses is None:
        return Finding("unknown", "no_license_kept")
    refused = sorted(set(row.licenses) - set(options.accept))
    return fail("license_refused", licenses=refused) if refused else PASS
