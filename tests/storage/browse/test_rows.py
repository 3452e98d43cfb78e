"""Rows are chosen by columns, text and condition in a process that is closed to the host."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from storage.browse.rows import PREPARE, Choice, Rows
from storage.browse.session import Session
from storage.errors import QueryError
from storage.lake.lake import Lake
from storage.workspace import Workspace
from tests.storage.small import build


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Workspace:
    return build(tmp_path_factory.mktemp("small") / "w")


@pytest.fixture(scope="module")
def session(small: Workspace) -> Iterator[Session]:
    opened = Session(small, PREPARE, timeout=3.0)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def rows(session: Session) -> Rows:
    return Rows(session)


def test_the_newest_rows_come_first_and_every_column_is_counted(rows):
    page = rows.page(Choice(), size=10)
    assert page.count == 24 and len(page.rows) == 10
    assert {row["night"] for row in page.rows} == {"2026-01-02/r"}
    assert dict(page.facets["method"]) == {"cot": 16, "tutorship": 8}
    assert dict(page.facets["outcome"]) == {"accepted": 20, "rejected": 4}


def test_a_columns_own_values_stay_to_choose_from(rows):
    page = rows.page(Choice({"method": "cot", "outcome": "rejected"}))
    assert page.count == 4 == len(page.rows)
    assert dict(page.facets["method"]) == {"cot": 4}  # of the rejected ones
    assert dict(page.facets["outcome"]) == {"accepted": 12, "rejected": 4}  # of cot's
    assert rows.page(Choice({"reason": ""})).count == 20


@pytest.mark.parametrize(
    ("choice", "count"),
    [
        (Choice(search="It is 3."), 4),  # two methods (index 2 is even) in two nights
        (Choice(search="cot-01"), 1),
        (Choice(search="100%"), 0),
        (Choice(where="outcome = 'rejected' and words > 2"), 4),
        (Choice(where="gold = '2' or response like '%8.%'"), 4),
        (Choice({"night": "2026-01-01/r"}, where="len(response) > 3"), 12),
        (Choice(where="sample_id in (select sample_id from release_rows where release_id = 'set@1')"), 10),
        (Choice(among=["cot-03", "cot-01", "none"]), 2),
        (Choice(without=["cot-03"]), 23),
    ],
)
def test_what_is_chosen(rows, choice, count):
    page = rows.page(choice)
    assert page.count == count == len(page.rows)


def test_a_dealt_sample_keeps_its_order(rows):
    assert [row["sample_id"] for row in rows.page(Choice(among=["cot-03", "cot-11", "cot-00"])).rows] == [
        "cot-03", "cot-11", "cot-00",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ("true) union select 1 from (select 1", "one condition"),
        ("sample_id in (select content from read_text('/etc/passwd'))", "read_text"),
        ("sample_id in (select asked from browse)", "browse"),
        ("nope = 1", "nope"),
        ("word >", "syntax error"),
        ("cast(answer || 'x' as int) = 1", "Could not convert"),
        ("(select sum(a.range * b.range) from range(1000000) a, range(1000000) b) > 1", "stopped after 3 s"),
    ],
)
def test_what_is_no_condition_is_a_sentence_and_the_next_one_is_answered(rows, condition, sentence):
    with pytest.raises(QueryError, match=sentence.replace("(", r"\(")):
        rows.page(Choice(where=condition))
    assert rows.page(Choice(where="words = 3")).count == 24


def test_behind_the_inspection_the_process_reaches_nothing_of_the_host(session, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("x")
    for statement in (
        f"select * from read_text('{secret}')",
        "select * from glob('/etc/*')",
        f"copy (select 1) to '{secret}'",
    ):
        with pytest.raises(QueryError):
            session.ask([(statement, {})])
    assert secret.read_text() == "x"
    assert "limits" in session.layers


def test_it_answers_while_others_commit(small, rows):
    """Each writer that closes the catalogue removes the files beside it, unless somebody holds them."""
    for number in range(2):
        with Lake(small) as lake:
            lake.commit(f"other:{number}", "note", {})
        assert rows.page(Choice(where=f"len(response) > {number}")).count == 24


def test_a_process_that_was_killed_is_started_again(session, rows):
    rows.page(Choice())
    pid = next(
        child.pid for child in psutil.Process().children() if "storage.browse.closed" in " ".join(child.cmdline())
    )
    psutil.Process(pid).kill()
    try:
        rows.page(Choice(search="It is 3."))
    except QueryError as error:  # the question met the dying process
        assert "ended" in str(error)
    assert rows.page(Choice(search="It is 3.")).count == 4


def test_nothing_is_left_behind(small, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    Session(small, PREPARE).close()
    assert list(Path(tmp_path).iterdir()) == []
