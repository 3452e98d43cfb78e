"""What a model, a server or a data set writes does nothing to the terminal or the spreadsheet it is shown in."""

import csv
import io
import json

import pyarrow as pa
import pytest
from rich.console import Console

from flows.doctor.doctor import print_findings
from flows.doctor.finding import ok
from flows.report import rows
from flows.report.json_text import to_json
from flows.report.summary import print_night
from flows.report.terminal import visible
from flows.report.trial import print_trial

STEERING = {
    "colour": "\x1b[31mred",
    "title": "\x1b]0;owned\x07",
    "one byte": "\x9b31m",
    "back": "good\b\b\b\bevil",
    "carriage": "good\revil",
    "right to left": "safe\u202egnp.exe",
    "isolate": "\u2066x\u2069",
    "mark": "\u200fx",
    "no width": "pay\u200bpal",
    "tags": "\U000e0068\U000e0069",
    "half a pair": "\ud83d",
    "delete": "\x7f",
}


class Rows:
    """What `storage.sql.run.Answer` is to a writer."""

    def __init__(self, **columns):
        self.table = pa.table(columns)
        self.schema = self.table.schema

    def __iter__(self):
        return iter(self.table.to_batches())


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("name", STEERING)
def test_nothing_that_steers_is_left(name):
    text = STEERING[name]
    for shown in (visible(text), to_json({"text": text})):
        shown.encode()
        assert all(letter.isprintable() for letter in shown)
    assert json.loads(to_json({"text": text})) == {"text": text}, "JSON means what it meant"


@pytest.mark.parametrize("text", ["Grüße, 你好, שלום 👍🏽", "a\tb\nc", "x [bold]y[/bold]"])
def test_writing_of_all_peoples_stays(text):
    assert visible(text) == text


@pytest.mark.parametrize("name", sorted(set(STEERING) - {"half a pair"}))
def test_csv_on_a_terminal_is_shown_and_in_a_file_kept(monkeypatch, name):
    for out in (Terminal(newline=""), io.StringIO(newline="")):
        monkeypatch.setattr("sys.stdout", out)
        rows.write_csv(Rows(text=[STEERING[name]], listed=[[STEERING[name]]]))
        _, (text, listed) = csv.reader(io.StringIO(out.getvalue(), newline=""))
        assert (text == STEERING[name]) is not out.isatty()
        assert not out.isatty() or all(letter.isprintable() for letter in text + listed)


@pytest.mark.parametrize("name", sorted(set(STEERING) - {"half a pair"}))
def test_json_steers_no_terminal_and_means_what_it_meant(monkeypatch, name):
    monkeypatch.setattr("sys.stdout", out := Terminal(newline=""))
    rows.write_json(Rows(text=[STEERING[name]], listed=[[STEERING[name]]]))
    assert all(letter.isprintable() for line in out.getvalue().splitlines() for letter in line)
    assert json.loads(out.getvalue()) == [{"text": STEERING[name], "listed": [STEERING[name]]}]


@pytest.mark.parametrize(
    "text", ['=HYPERLINK("http://x")', "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", " =1", "\r=1", "\uff1d1"]
)
def test_a_formula_is_a_text_in_a_spreadsheet_and_only_there(monkeypatch, text):
    for spreadsheet in (True, False):
        out = io.StringIO(newline="")
        monkeypatch.setattr("sys.stdout", out)
        rows.write_csv(Rows(text=[text], number=[-2], plain=["a=b"]), spreadsheet=spreadsheet)
        _, (kept, number, plain) = csv.reader(io.StringIO(out.getvalue(), newline=""))
        assert (kept, number, plain) == (f"'{text}" if spreadsheet else text, "-2", "a=b")


def shown(monkeypatch, show) -> str:
    out = io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    show()
    return out.getvalue()


@pytest.mark.parametrize("model", ["[/bold]x", "[red]x", "[link=http://x]y", "\x1b[2Jx", "x[", "[/]"])
def test_a_models_name_is_plain_text(monkeypatch, model):
    summary = {
        "night": "2026-01-01/x", "funnel": [], "reasons": [], "release": None, "release_rows": 0, "seconds": {},
        "tokens": [{"role": "teacher", "calls": 1, "prompt_tokens": 1, "completion_tokens": 1, "model": model}],
    }  # fmt: skip
    assert visible(model)[:12] in shown(monkeypatch, lambda: print_night(summary))
    assert visible(model) in shown(monkeypatch, lambda: print_findings([ok("models.x", f"serves {model}")]))


def test_an_answer_of_fifteen_megabytes_is_cut():
    out = io.StringIO()
    long = "x" * (15 << 20)
    sample = {
        "kind": "sft", "origin": "model", "messages": [{"content": "q"}], "response": long, "rejected": None, "text": None,
        "steps": None, "labels": None, "notes": {}, "attrs": {"also": long}, "decision": "accepted", "reason": None,
    }  # fmt: skip
    call = {"role": "teacher", "prompt": "solve", "messages": [{"content": "q"}], "response": long, "reasoning": long}
    print_trial(
        {
            "method": "cot", "problem": {"task": "math_word", "prompt": long, "gold": long}, "calls": [call], "samples": [sample],
            "status": "failed", "reason": "x", "detail": long,
        },
        Console(file=out, width=100),
    )  # fmt: skip
    assert len(out.getvalue()) < 400_000 and "(15,728,640 characters)" in out.getvalue()
