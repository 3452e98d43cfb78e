"""The window in Chromium and under attack: rows are read and judged by keys, what models wrote stays text, strangers stay out."""

import http.client
import json
import re
from collections.abc import Iterator
from dataclasses import asdict

import psutil
import pytest

from flows.service.runs import EMBEDDED, RunRecord
from flows.window.guard import second_token
from storage.processes import pid_space
from storage.sql.run import run_sql
from synth.engines.processes import identity_of
from tests.browser import FLAGS, browser
from tests.flows.report.written import write_night
from tests.flows.window.opened import HOSTILE, LARGE, TOKEN, Window, fill, opened
from tests.waiting import wait_for

pytestmark = pytest.mark.slow
SIZES = {"wide": (1400, 900), "phone": (390, 844)}


@pytest.fixture(scope="module")
def window(tmp_path_factory) -> Iterator[Window]:
    with opened(fill(tmp_path_factory.mktemp("window") / "w")) as window:
        yield window


@pytest.fixture(scope="module")
def chromium() -> Iterator[object]:
    from playwright.sync_api import sync_playwright

    program = browser()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def visit(chromium, window):
    """Opens a page as somebody who came by the first address; whatever a script or the policy complains of fails the test."""
    contexts, complaints = [], []

    def open_page(address: str, size: str = "wide"):
        width, height = SIZES[size]
        contexts.append(chromium.new_context(viewport={"width": width, "height": height}))
        page = contexts[-1].new_page()
        page.set_default_timeout(120_000)  # a machine with other work
        page.on("dialog", lambda dialog: complaints.append(dialog.message or dialog.type))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.goto(window.first)
        page.goto(window.url + address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def request(window: Window, method: str, path: str, body: str | None = None, **headers: str):
    connection = http.client.HTTPConnection("127.0.0.1", window.port, timeout=120)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    return answer.status, answer.read().decode(), {name.lower(): value for name, value in answer.getheaders()}


def test_rows_are_filtered_read_and_judged_by_keys(visit, window):
    page = visit("/rows")
    assert page.inner_text(".count").startswith("1–50 of 62 rows")
    page.select_option('select[name="outcome"]', "accepted")
    page.wait_for_url("**outcome=accepted**")
    page.fill('[name="where"]', "method = 'cot' and response like 'It is %'")
    page.press('[name="where"]', "Enter")
    page.wait_for_url("**where=**")
    assert "of 51 rows" in page.inner_text(".count")
    page.wait_for_selector(".judging")
    assert "It is new." in page.inner_text("#reading")
    page.keyboard.press("j")
    page.wait_for_selector("#list li:nth-child(2).now")
    read = page.get_attribute("#list li:nth-child(2) a", "data-id")
    page.wait_for_selector(f'.judging[data-id="{read}"]')
    for number in range(20):
        current = page.get_attribute("#list li.now a", "data-id")
        page.wait_for_selector(f'.judging[data-id="{current}"]')
        page.keyboard.press("r" if number % 4 == 3 else "a")
    page.keyboard.press("n")
    page.fill("#note-text", "why so sure?")
    page.keyboard.press("Control+Enter")
    page.locator("#saying", has_text="21 recorded").wait_for(state="attached")
    page.click("#list li:nth-child(50) a")
    last = page.get_attribute("#list li:nth-child(50) a", "data-id")
    page.wait_for_selector(f'.judging[data-id="{last}"]')
    page.keyboard.press("a")  # the page turns with the review still on its way
    page.wait_for_url("**start=50**")
    page.wait_for_selector("#list li:first-child.now")
    wait_for(lambda: window.shelf.lake.rows("select 1 from reviews where sample_id = ?", [last]), 120, "the review")
    rows = run_sql(
        window.shelf.workspace, "select verdict, reviewer, count(*) as n from last_reviews group by all order by all"
    )
    assert rows.to_pylist() == [
        {"verdict": "accept", "reviewer": "ada", "n": 16}, {"verdict": "reject", "reviewer": "ada", "n": 5},
    ]  # fmt: skip
    notes = run_sql(window.shelf.workspace, "select note, verdict from reviews where note is not null").to_pylist()
    assert notes == [{"note": "why so sure?", "verdict": None}]
    page.goto(f"{window.url}/rows?reviewed=yes")
    assert "of 21 rows" in page.inner_text(".count")


@pytest.mark.parametrize("size", SIZES)
def test_every_page_opens_and_fits(visit, window, size):
    page = visit("/", size)
    (model,) = {row["checkpoint_id"] for row in window.shelf.lake.rows("select checkpoint_id from checkpoints")}
    for address, text in {
        "/": "2026-01-02", "/night/2026-01-01/written": "answer: wrong answer", "/rows?outcome=rejected": "wrong answer",
        "/releases": "written@2", "/releases/diff?old=written@1&new=written@2": "Rows in", "/models": model[:12],
        f"/model/{model}": "It is what it is", "/review": "Fair samples",
    }.items():  # fmt: skip
        assert page.goto(window.url + address).status == 200, address
        assert text in page.inner_text("body"), address
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
            f"{address} is wider than the screen"
        )
    page.goto(f"{window.url}/night/2026-01-02/written")
    page.click("text=← 2026-01-01")
    page.wait_for_url("**/night/2026-01-01/written")
    page.click("text=Morning report")
    page.wait_for_url("**/reports/2026-01-01-written.html")
    assert "What needs a person" in page.inner_text("body")


def test_a_phone_shows_the_list_then_the_row_then_the_list(visit):
    page = visit("/rows", "phone")
    assert not page.is_visible("#reading")
    page.click("#list li:nth-child(3) a")
    page.wait_for_selector(".judging", state="visible")
    assert not page.is_visible("#list")
    page.click("text=← List")
    assert page.is_visible("#list") and not page.is_visible("#reading")


def test_what_models_wrote_is_text(visit, window):
    page = visit("/rows?method=tutorship")
    for _ in range(len(HOSTILE) + 1):
        current = page.get_attribute("#list li.now a", "data-id")
        page.wait_for_selector(f'.judging[data-id="{current}"]')
        page.keyboard.press("j")
    assert page.title() == "Rows · Nightschool"
    ids = {
        row["response"][:40]: row["sample_id"]
        for row in window.shelf.lake.rows("select response, sample_id from samples")
    }
    for text in HOSTILE:
        page.goto(f"{window.url}/row/{ids[text[:40]]}")
        seen = page.inner_text(".dialogue")
        assert "Row" not in page.title() or "taken" not in page.title()
        assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\x1b]", page.content())
        assert re.sub("[\u202a-\u202e\u2066-\u2069\u200b\x00-\x1f]", "", text)[:4] in seen
        assert page.is_visible(".judging")
        assert not page.query_selector_all(".dialogue script, .dialogue img, .dialogue style")
    large = ids[LARGE[:40]]
    page.goto(f"{window.url}/row/{large}")
    assert "<b>five</b>" in page.inner_text(".dialogue") and len(page.content()) < 200_000
    status, text, headers = request(window, "GET", f"/row/{large}/whole", cookie=f"nightschool_{window.port}={TOKEN}")
    assert status == 200 and LARGE in text and headers["content-type"].startswith("text/plain")
    escape = ids[HOSTILE[2][:40]]
    assert "\x1b" not in request(window, "GET", f"/row/{escape}/whole", cookie=f"nightschool_{window.port}={TOKEN}")[1]


def test_the_duplicate_stands_beside_the_row_that_was_kept(visit, window):
    duplicate = window.shelf.lake.rows("select sample_id from rejected where reason like 'near%'")[0]["sample_id"]
    page = visit(f"/row/{duplicate}")
    beside = page.inner_text('[aria-label="Neighbours"]')
    assert "It is 7." in beside and "It is 7, again." in beside
    page.wait_for_selector("text=teacher solve")


def test_a_dealt_row_hides_its_decision_until_it_is_judged(visit, window, monkeypatch):
    from storage.lake.lake import Lake
    from storage.lake.reviews import draw

    monkeypatch.setattr(window.shelf, "reviewer", "nobody yet")  # other tests have judged some of the rows
    with Lake(window.shelf.workspace) as lake:
        drawn = draw(lake, "cot", 40)
    wrong = window.shelf.lake.rows(
        "select sample_id from review_draws d join rejected using (sample_id) where draw_id = ? order by d.position",
        [drawn],
    )[0]["sample_id"]
    page = visit(f"/rows?draw={drawn}")
    assert "wrong answer" not in page.inner_text("body") and not page.query_selector(".dot.rejected, .dot.accepted")
    page.goto(f"{window.url}/row/{wrong}?draw={drawn}")
    assert "rejected" not in page.inner_text("body") and "filters say" not in page.inner_text("body")
    page.keyboard.press("r")
    page.locator("#saying", has_text="1 recorded").wait_for(state="attached")
    page.goto(f"{window.url}/row/{wrong}?draw={drawn}")
    assert "rejected" in page.inner_text(".head")
    kept = window.shelf.lake.rows("select draw_id, decision from reviews where sample_id = ?", [wrong])
    assert kept[-1] == {"draw_id": drawn, "decision": "rejected"}


BODY = json.dumps({"reviews": [{"review_id": "x", "sample_id": "y", "verdict": "accept"}]})


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/", {}, 403),
        ("/?token=wrong", {}, 403),
        ("/static/window.js", {}, 403),
        ("/", {"cookie": "nightschool_{port}=wrong"}, 403),
        ("/", {"cookie": "nightschool_{port}={token}"}, 200),
        ("/", {"cookie": "nightschool_{port}={token}", "host": "evil.example"}, 400),
        ("/", {"cookie": "nightschool_{port}={token}", "origin": "https://evil.example"}, 403),
        ("/", {"cookie": "nightschool_{port}={token}", "origin": "http://127.0.0.1:1"}, 403),
        (
            "/rows",
            {"cookie": "nightschool_{port}={token}", "sec_fetch_site": "same-site", "sec_fetch_mode": "no-cors"},
            403,
        ),
        (
            "/rows",
            {"cookie": "nightschool_{port}={token}", "sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"},
            200,
        ),
    ],
)
def test_who_is_let_in(window, path, headers, status):
    given = {name: value.format(port=window.port, token=TOKEN) for name, value in headers.items()}
    got, body, answered = request(window, "GET", path, **given)
    assert got == status, re.findall('class="fault".*', body) or body[:200]
    assert "default-src 'none'" in answered["content-security-policy"] and answered["x-frame-options"] == "DENY"
    assert answered["cache-control"] == "no-store" and TOKEN not in body


@pytest.mark.parametrize("missing", ["cookie", "origin", "x-nightschool-token", "foreign"])
def test_a_change_needs_cookie_origin_and_token(window, missing):
    headers = {**window.headers, "origin": "https://evil.example"} if missing == "foreign" else dict(window.headers)
    headers.pop(missing, None)
    before = window.shelf.lake.rows("select count(*) as n from reviews")
    assert request(window, "POST", "/reviews", BODY, **headers)[0] == 403
    assert window.shelf.lake.rows("select count(*) as n from reviews") == before


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("{", "no reviews"),
        ('{"reviews": []}', "between 1 and 500"),
        ('{"reviews": [1]}', "no reviews"),
        ('{"reviews": [{"review_id": "x", "sample_id": ["y"], "verdict": "accept"}]}', "sample_id is no text"),
        (BODY, "no row 'y' to review"),
        (BODY.replace("y", "\\ud800"), "no reviews"),
        ("[" * 100_000, "no reviews"),
    ],
)
def test_what_is_no_review_is_a_sentence(window, body, sentence):
    status, text, _ = request(window, "POST", "/reviews", body, **window.headers)
    assert status == 400 and sentence in json.loads(text)["error"]


@pytest.mark.parametrize(
    "path",
    [
        "/rows?where=true)+or+(",
        "/row/none",
        "/night/2020-01-01/none",
        "/model/none",
        "/reports/..%2f..%2fx",
        "/nowhere",
    ],
)
def test_what_is_not_there_is_a_sentence(window, path):
    status, text, _ = request(window, "GET", path, cookie=window.headers["cookie"])
    assert status in (400, 404) and "Traceback" not in text and 'class="fault"' in text


@pytest.mark.parametrize("start", ["%C2%B2", "9" * 30, "9" * 5000, "-1"])
def test_a_page_that_is_no_number_is_the_first_one(window, start):
    status, text, _ = request(window, "GET", f"/rows?start={start}", cookie=window.headers["cookie"])
    assert status == 200 and "tutorship" in text


def test_the_first_address_gives_a_cookie_that_scripts_and_other_sites_do_not_get(window):
    status, _, headers = request(window, "GET", f"//evil.example/?token={TOKEN}")
    assert status == 303 and headers["location"] == "/evil.example/"
    assert "HttpOnly" in headers["set-cookie"] and "samesite=strict" in headers["set-cookie"].lower()
    assert second_token(TOKEN) not in headers["set-cookie"]


def test_a_running_night_is_seen_live_and_goes_when_it_ends(visit, window):
    """The last test of the file: it commits another night."""
    from storage.lake.lake import Lake

    page = visit("/")
    assert not page.query_selector(".running")
    with Lake(window.shelf.workspace) as lake:
        failed = [{"method": "cot", "reason": "cut", "detail": "at its limit"}]
        write_night(lake, "2026-01-03", [{"method": "cot"}] * 3, failed=failed, finish=False)
    record = RunRecord("here", "nightly 2026-01-03", EMBEDDED, pid_space(), identity_of(psutil.Process()))
    file = window.shelf.workspace.folder("runs") / "here.json"
    file.write_text(json.dumps(asdict(record)))
    try:
        page.locator(".running", has_text="nightly 2026-01-03 runs now").wait_for()  # nobody has loaded the page again
        assert "4 of 4 attempts in the lake, 1 failed" in page.inner_text(".running")
        assert page.get_attribute(".running a", "href") == "/night/2026-01-03/written"
    finally:
        file.unlink()
    page.locator(".running").wait_for(state="detached")
