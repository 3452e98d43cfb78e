"""The report holds the lake's figures and nothing a browser would fetch, whatever the rows say."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

from filters.night.alarms import AlarmError, accept_alarms, stop_on_alarms
from flows.report import gather, keep_report, render, report_path, write_report
from flows.report.attention import attention
from storage.errors import LakeError
from storage.lake import nights
from storage.lake.lake import Lake, table_of
from storage.lake.overview import find_night
from storage.workspace import Workspace
from tests.flows.report.written import write_night, write_training

HOSTILE = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)> <a href='https://evil.example/'>click</a> <style>*{display:none}</style>",
    "{{ 7 * 7 }} {% raw %} {{ config }} ${7*7}",
    "access\u202egnp.exe\u202c and \u2066isolated\u2069 \u200bzero \ufeffwidth \U000e0041tag",
    "bell\x07 null\x00 escape\x1b[31m delete\x7f next\x85 return\r",
    "w" * 5_000,
    "Z̸̡̢̛͇̳̰̣̣͖̭" * 300,
    "--></p></div></article></main></body></html><!--",
    "مرحبا بالعالم שלום עולם 你好 🧑‍🚀",
    "]]> <![CDATA[ &lt;b&gt; &amp;amp; \" ' `",
)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory) -> Iterator[Lake]:
    """A lake for several tests, each with nights of its own: making one takes longer than a report."""
    with Lake(Workspace.create(tmp_path_factory.mktemp("shelf"))) as opened:
        yield opened


class Page(HTMLParser):
    """What a browser would make of a page: tags, their nesting, whatever points outside, the text."""

    VOID = frozenset({"meta", "br", "img", "link", "input", "hr", "path"})

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.open: list[str] = []
        self.outside: list[str] = []
        self.text: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attrs:
            assert not name.startswith("on"), (tag, name)
            if name in ("src", "href", "xlink:href", "action", "srcset", "data", "poster") and not (
                value or ""
            ).startswith(("#", "http://127.0.0.1:4210/night/")):  # the window, for whoever clicks
                self.outside.append(f"{tag} {name}={value}")

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def page_of(html: str) -> Page:
    page = Page(html)
    assert not page.open and not page.outside
    assert not {"script", "iframe", "object", "embed", "link", "img", "form", "base"} & set(page.tags)
    assert "url(" not in html and "@import" not in html
    return page


def hostile_rows() -> list[dict]:
    rows = [{"call": text, "prompt": text, "answer": text[:50], "method": "cot"} for text in HOSTILE]
    rows += [{"call": text, "reason": "answer:wrong_answer", "method": "cot"} for text in HOSTILE]
    rows += [{"kind": "preference", "response": text, "rejected": text, "method": "critique"} for text in HOSTILE]
    rows += [
        {"kind": "stepwise", "steps": [text, text], "labels": [True, False], "method": "steps"} for text in HOSTILE
    ]
    return [
        *rows,
        *({"kind": "text", "response": None, "messages": [], "text": text, "method": "plain"} for text in HOSTILE),
    ]


def test_the_figures_are_those_that_sql_gives(shelf):
    rows = [{"method": "cot"}] * 7 + [{"method": "cot", "reason": "answer:wrong_answer"}] * 3
    rows += [{"method": "tutorship", "reason": "structure:broken_text"}] * 4 + [{"method": "tutorship", "tier": 2}]
    failed = [{"method": "cot", "reason": "context_full", "detail": "the answer was cut"}] * 2
    night = write_night(shelf, "2025-12-02", rows, failed=failed, price=0.25, summary={"currency": "EUR"})
    report = gather(shelf, night)
    funnel = [{name: value for name, value in row.items() if name != "accepted_words"} for row in report["funnel"]]
    assert sorted(funnel, key=lambda row: row["method"]) == nights.funnel(shelf, night)
    assert report["totals"] == {
        "planned": 17, "done": 15, "failed": 2, "made": 15, "accepted": 8, "rejected": 7, "accepted_words": 80,
    }  # fmt: skip
    reasons = {(row["what"], row["method"], row["reason"]): row["rows"] for row in report["reasons"]}
    assert reasons == {(row["what"], row["method"], row["reason"]): row["rows"] for row in nights.reasons(shelf, night)}
    assert report["spent"]["cost"] == 15 * 0.25 and report["spent"]["per_thousand_accepted"]["cost"] == 3.75 / 80 * 1000
    page = page_of(render(report))
    text = " ".join(page.text)
    assert "15 model calls, 3.75\u00a0EUR" in text and "46.88\u00a0EUR" in text
    by_method = {row["method"]: row["accepted_per_hour"] for row in report["throughput"]}
    assert by_method == pytest.approx({"cot": 7 * 3600 / (0.5 * 10 / 15), "tutorship": 3600 / (0.5 * 5 / 15)})
    assert "Per hour of server time" in text and "75,600" in text and "21,600" in text
    assert (
        "8 of 15 rows were accepted" in text
        and "7 of 10 accepted, 2 attempts failed" in text
        and "the answer was cut" in text
    )


def test_rows_to_read_come_from_every_tier_with_the_calls_behind_them(shelf):
    rows = [{"tier": 1}] * 30 + [{"tier": 2}] * 2 + [{"method": "tutorship"}]
    report = gather(shelf, write_night(shelf, "2025-01-02", rows))
    read = report["samples"]["cot"]
    assert len(read) == 10 and sum(row["tier"] == 2 for row in read) == 2 and len(report["samples"]["tutorship"]) == 1
    assert all(row["calls"][0]["call_id"] == row["parents"][0] for row in read)
    assert all(row["verdicts"][-1]["outcome"] == "accepted" for row in read)


@pytest.mark.slow
def test_the_last_decision_holds(shelf):
    night = write_night(shelf, "2025-02-02", [{}] * 4)
    sample = gather(shelf, night)["samples"]["cot"][0]["sample_id"]
    later = {
        "sample_id": sample,
        "filter": "policy",
        "version": "2",
        "outcome": "rejected",
        "reason": "decontamination:leak",
        "night": night,
    }
    shelf.commit("rescan", "rescan", {"verdicts": table_of("verdicts", [later])})
    report = gather(shelf, night)
    assert report["totals"]["accepted"] == 3 and list(report["rejected"]) == ["decontamination:leak"]


@pytest.mark.slow
def test_duplicates_stand_beside_what_they_repeat_the_least_alike_first(shelf):
    earlier = write_night(shelf, "2025-03-01", [{"call": "The first of them."}])
    kept = gather(shelf, earlier)["samples"]["cot"][0]["sample_id"]
    near = {"reason": "near_duplicates:near_duplicate", "kept": kept, "kept_night": earlier}
    rows = [{**near, "similarity": 0.97}, {**near, "similarity": 0.81, "call": "The first of all of them."}]
    rows += [{"reason": "exact_duplicates:duplicate", "kept": "gone", "kept_night": earlier}, {}]
    report = gather(shelf, write_night(shelf, "2025-03-02", rows))
    assert [pair["similarity"] for pair in report["duplicates"]] == [0.81, 0.97, None]
    text = " ".join(page_of(render(report)).text)
    assert "The first of all of them." in text and "The first of them." in text and "no longer in the lake" in text


def test_hostile_text_is_shown_and_does_nothing(shelf):
    failed = [{"method": "cot", "reason": "refused", "detail": text} for text in HOSTILE]
    night = write_night(shelf, "2025-04-02", hostile_rows(), failed=failed)
    html = render(gather(shelf, night))
    html.encode("utf-8")
    page = page_of(html)
    text = "".join(page.text)
    assert "</script><script>alert(1)</script>" in text and "{{ 7 * 7 }}" in text and "--></p></div>" in text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b\ufeff]", html)
    assert "U+202E" in text and "␇" in text and "🧑‍🚀" in text
    assert "3,000 more characters" in text, "long text is cut, and says so"


@pytest.mark.slow
def test_every_night_of_the_last_fortnight_is_compared(shelf):
    for day in range(1, 16):
        past = f"2026-01-{day:02d}/fortnight"
        figures = {"funnel": [{"made": day + 1, "accepted": day}], "seconds": {"attempts": 1.0}}
        nights.finish(shelf, f"night/{past}", past, "fortnight", figures)
    night = write_night(
        shelf, "2026-01-17", [{}] * 17 + [{"reason": "answer:wrong_answer"}], price=0.1, recipe="fortnight"
    )
    history = gather(shelf, night)["history"]
    assert [entry["night"][8:10] for entry in history] == [f"{day:02d}" for day in (*range(3, 16), 17)]
    assert [entry["accepted"] for entry in history] == [*range(3, 16), 17]
    last = history[-1]
    assert last["yield"] == 17 / 18 and last["tokens_per_accepted"] == 18 * 30 / 170
    assert last["cost_per_thousand"] == pytest.approx(1.8 / 170 * 1000)
    earlier = gather(shelf, "2026-01-05/fortnight")["history"]
    assert earlier[-1]["night"] == "2026-01-05/fortnight", "what came later is not shown"


@pytest.mark.parametrize(
    ("decision", "sentence"),
    [
        ("promoted", "was promoted"),
        ("refused", "was refused"),
        ("undecided", "cannot tell"),
        ("waiting", "waits for approval"),
    ],
)
def test_the_model_is_shown_before_and_after(shelf, decision, sentence):
    night = write_night(shelf, "2025-06-02", [{}] * 3, recipe=decision)
    history = [{"step": step, "loss": 3.0 / step} for step in range(1, 900)] + [{"step": 900, "loss": float("nan")}]
    history[0]["behaviour/right_tokens"], history[-1]["behaviour/right_tokens"] = 40.0, 25.0
    write_training(shelf, night, decision, before=0.5, after=0.75, history=history)
    report = gather(shelf, night)
    html = render(report)
    text = " ".join(page_of(html).text)
    assert sentence in text and "from 50.0\xa0% to 75.0\xa0%" in text and "SFT: loss" in text and ".750" in text
    assert "right tokens: 40, at last 25" in text
    curve = re.search(r'<polyline points="([^"]+)"', html)
    assert curve and len(curve.group(1).split()) <= 240 and "nan" not in curve.group(1)
    assert [item["level"] for item in report["attention"]] == {"promoted": [], "waiting": ["act"]}.get(
        decision, ["look"]
    )


@pytest.mark.slow
def test_what_needs_a_person_is_said_the_most_pressing_first(shelf):
    rows = [{"method": "cot", "reason": "structure:broken_text"}] * 60
    failed = [{"method": "cot", "reason": "server_error", "detail": "<b>500</b>"}] * 5
    ended = {"release": None, "budget": "cost 40 of 40 is spent."}
    night = write_night(shelf, "2025-07-02", rows, failed=failed, summary=ended)
    with pytest.raises(AlarmError):
        stop_on_alarms(shelf, night)
    first = gather(shelf, night)["attention"]
    assert [(item["level"], item["title"]) for item in first] == [
        ("act", "structure removed 100\xa0% of cot"),
        ("look", "5 of 65 attempts of cot failed"),
    ]
    assert first[0]["command"] == f"nightschool alarms accept {night}"
    accept_alarms(shelf, night, "a base model writes noise")
    then = gather(shelf, night)["attention"]
    assert [(item["level"], item["title"]) for item in then] == [
        ("act", "There is no release"),
        ("look", "The budget stopped it"),
        ("look", "5 of 65 attempts of cot failed"),
        ("look", "structure removed 100\xa0% of cot"),
    ]
    assert "a base model writes noise" in then[-1]["text"]
    unfinished = gather(shelf, write_night(shelf, "2025-07-03", [{}], finish=False))
    assert unfinished["attention"][0]["title"] == "The night is not finished"
    page_of(render(unfinished))


def test_an_empty_night_has_a_report(shelf):
    night = write_night(shelf, "2025-08-02", [])
    left_out = [{"night": night, "source": "mine", "line": line, "reason": "bad_gold"} for line in range(1, 15)]
    shelf.commit("left out", "plan", {"left_out": table_of("left_out", left_out)}, night=night)
    report = gather(shelf, night)
    assert report["totals"]["made"] == 0 and page_of(render(report))
    assert report["left_out"][0]["rows"] == 14 and "11, 12, ..." in render(report), "what its sources left out is said"


@pytest.mark.slow
def test_rows_that_wait_for_a_review_are_named_with_the_command_that_deals_them(shelf):
    rows = [{"method": "tutorship", "reason": "reviews:missing"}] * 3 + [{"method": "cot"}]
    items = gather(shelf, write_night(shelf, "2026-03-02", rows, recipe="asks"))["attention"]
    (item,) = (item for item in items if item["title"] == "3 rows of tutorship wait for a review")
    assert item["level"] == "look"
    assert item["command"] == "nightschool review sample --method tutorship"


def test_a_large_night_costs_no_more_page_than_a_small_one(shelf):
    sizes = []
    for date, count in (("2025-09-02", 200), ("2025-09-03", 3_000)):
        night = write_night(
            shelf, date, [{"reason": "answer:wrong_answer"} if number % 3 else {} for number in range(count)]
        )
        sizes.append(len(render(gather(shelf, night))))
    assert sizes[1] < sizes[0] + 10_000


@pytest.mark.slow
def test_the_file_is_whole_or_not_there(shelf, tmp_path):
    night = write_night(shelf, "2025-10-02", [{}])
    path = write_report(shelf, night)
    assert path == shelf.workspace.root / "reports" / "2025-10-02-written.html"
    assert sorted(path.parent.iterdir()) == [path, path.with_name("index.html")]
    assert f'href="{path.name}"' in path.with_name("index.html").read_text()
    assert 'href="index.html"' in path.read_text() and 'rel="prev"' not in path.read_text()
    later = write_report(shelf, write_night(shelf, "2025-10-03", [{}, {}]))
    assert f'rel="prev" href="{path.name}"' in later.read_text()
    assert "nothing that a night is pinned to changed" in later.read_text()
    (tmp_path / "file").write_text("")
    with pytest.raises(LakeError, match="cannot be written"):
        write_report(shelf, night, tmp_path / "file" / "report.html")
    with pytest.raises(LakeError, match="an id is a date and a recipe"):
        report_path(shelf.workspace, "../../etc/passwd")


def test_a_report_that_fails_is_said_and_undoes_nothing(workspace):
    lake = Lake(workspace)
    lake.close()
    messages: list[str] = []
    progress = type("Said", (), {"say": lambda self, text: messages.append(text)})()
    keep_report(lake, "2026-01-02/written", progress)
    assert len(messages) == 1 and "nightschool report 2026-01-02/written" in messages[0]


def test_a_night_is_found_by_date_or_name(lake):
    with pytest.raises(LakeError, match="no night has run yet"):
        find_night(lake)
    for date in ("2026-01-01", "2026-01-02"):
        write_night(lake, date, [{}])
    assert find_night(lake) == "2026-01-02/written" == find_night(lake, "2026-01-02/written")
    assert find_night(lake, "2026-01-01") == "2026-01-01/written"
    with pytest.raises(LakeError, match="the last ones are 2026-01-02/written"):
        find_night(lake, "2025-01-01")
    nights.pin(lake, "night/2026-01-02/other", "2026-01-02/other", "other", {})
    with pytest.raises(LakeError, match="several recipes ran"):
        find_night(lake, "2026-01-02")


@pytest.mark.slow
def test_how_rows_were_graded_and_what_compare_found_are_shown(shelf):
    night = write_night(shelf, "2025-08-02", [{}] * 3 + [{"method": "tutorship"}], recipe="judged")
    rows = shelf.rows("select sample_id, method from samples where night = ? order by sample_id", [night])
    scores = iter([5, 4, 1, None])
    graded = [
        {
            "subject": "sample", "subject_id": row["sample_id"], "kind": "rubric", "name": "clarity", "value": next(scores),
            "call_ids": ["c"], "model": "<b>grader</b>@1", "night": night,
        }
        for row in sorted(rows, key=lambda row: row["method"])
    ]  # fmt: skip
    shelf.commit("graded", "rubric", {"evidence": table_of("evidence", graded)}, night=night)
    folder = shelf.workspace.folder("experiments", "judged-0123abcd")
    arm = {"seeds": 3, "rows": 40, "tokens": 5000, "sampled": [0, 0, 0]}
    arms = [
        {**arm, "arm": "gold", "greedy": [0.5, 0.4, 0.6], "greedy_minus_gold": [0.0, 0.0, 0.0]},
        {**arm, "arm": "<i>tutored", "greedy": [0.625, 0.5, 0.7], "greedy_minus_gold": [0.125, 0.05, 0.2]},
    ]
    (folder / "table.json").write_text(json.dumps({"arms": arms, "items": 300}))
    (shelf.workspace.folder("experiments", "judged-ffffffff") / "table.json").write_text('{"arms": [')
    report = gather(shelf, night)
    assert [(row["method"], row["graded"], row["mean"], row["unread"]) for row in report["rubric_scores"]] == [
        ("cot", 3, 10 / 3, 0), ("tutorship", 0, None, 1),
    ]  # fmt: skip
    assert [experiment["folder"] for experiment in report["experiments"]] == ["experiments/judged-0123abcd"]
    text = " ".join(" ".join(page_of(render(report)).text).split())
    assert "<b>grader</b>@1" in text and "66.7 %" in text and "<i>tutored" in text and ".125 [.050, .200]" in text
    assert gather(shelf, write_night(shelf, "2025-08-03", [{}], recipe="other"))["experiments"] == []


def test_a_method_that_wrote_nothing_is_pointed_at():
    row = {"method": "gold", "planned": 2, "done": 2, "failed": 0, "made": 0, "accepted": 0, "rejected": 0}
    report = {"night": "n", "date": "d", "run": None, "alarms": [], "reasons": [], "training": None, "funnel": [row]}
    assert [item["title"] for item in attention(report) if item["level"] == "look"] == ["gold made no row"]
    assert "gold made no row" not in str(attention({**report, "funnel": [{**row, "made": 1}]}))
