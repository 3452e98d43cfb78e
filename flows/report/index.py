"""The page that lists the reports of a workspace, beside them: `reports/index.html`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from flows.report.page import environment, style
from storage.atomic import write_text

NAME = "index.html"


def write_index(folder: Path, nights: Sequence[dict[str, Any]]) -> Path:
    """Write the list of reports, all or nothing.

    Args:
        folder: Where the reports are.
        nights: `night`, `file`, and what is known of it: `event`, `release`, `promotion`; newest first. Those without a file are
            left out.

    Raises:
        OSError: It cannot be written.
    """
    kept = [night for night in nights if (folder / night["file"]).is_file()]
    page = environment().get_template("index.html.jinja")
    text = page.render(nights=kept, style=Markup(style()))  # noqa: S704 - our own file
    write_text(folder / NAME, text)
    return folder / NAME
