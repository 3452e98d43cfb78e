"""A window over a small lake of hostile rows, served to a real browser and to plain requests."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from flows.window.app import create_app
from flows.window.guard import second_token
from flows.window.shelf import Shelf
from storage.lake.lake import Lake
from storage.ports import free_port
from storage.releases.making import create_release
from storage.workspace import Workspace
from tests.flows.report.written import write_night, write_training

HOSTILE = (
    "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">",
    "access\u202egnp.exe\u202c \u2066isolated\u2069 \u200bzero",
    "bell\x07 null\x00 escape\x1b[31m red",
    "</div></article></main><style>*{display:none}</style>",
)
LARGE = "<b>five</b> " * 430_000
"""More than 5 MB."""
TOKEN = "t" * 40


@dataclass(frozen=True)
class Window:
    """A window that answers.

    Attributes:
        url: Its address.
        port: Its port.
        shelf: What it holds open.
    """

    url: str
    port: int
    shelf: Shelf

    @property
    def first(self) -> str:
        """The address that lets a browser in."""
        return f"{self.url}/?token={TOKEN}"

    @property
    def headers(self) -> dict[str, str]:
        """What a request needs that changes something."""
        return {
            "cookie": f"nightschool_{self.port}={TOKEN}", "origin": self.url, "x-nightschool-token": second_token(TOKEN),
            "content-type": "application/json",
        }  # fmt: skip


def fill(root: Path) -> Workspace:
    """Two nights: 60 rows with hostile ones among them, duplicates, rejects, a release each and a training."""
    workspace = Workspace.create(root)
    with Lake(workspace) as lake:
        rows = [{"method": "cot", "response": f"It is {number}."} for number in range(50)]
        rows += [{"method": "tutorship", "response": text, "prompt": text} for text in HOSTILE]
        rows += [{"method": "tutorship", "response": LARGE}]
        rows += [{"method": "cot", "response": "Two.", "reason": "answer:wrong_answer"} for _ in range(5)]
        first = write_night(lake, "2026-01-01", rows)
        create_release(lake, "written", night=first)
        kept = lake.rows("select sample_id from samples where response = 'It is 7.'")[0]["sample_id"]
        again = {"method": "cot", "response": "It is 7, again.", "reason": "near_duplicates:near_duplicate", "kept": kept,
                 "similarity": 0.93, "kept_night": first}  # fmt: skip
        second = write_night(lake, "2026-01-02", [again, {"method": "cot", "response": "It is new."}])
        create_release(lake, "written", night=second)
        write_training(
            lake,
            second,
            "promoted",
            before=0.4,
            after=0.6,
            history=[{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}],
        )
    return workspace


@contextmanager
def opened(workspace: Workspace) -> Iterator[Window]:
    """Serve a window in this process."""
    port = free_port()
    with Shelf(workspace, "ada") as shelf:
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(shelf, TOKEN, port), host="127.0.0.1", port=port, log_level="error", lifespan="off"
            )
        )
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.02)
        try:
            yield Window(f"http://127.0.0.1:{port}", port, shelf)
        finally:
            server.should_exit = True
            thread.join()
