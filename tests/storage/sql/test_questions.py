"""Every question that people ask is answered on a small lake, behind the same inspection as anybody's SQL."""

import pytest

from storage.errors import QueryError
from storage.lake.lake import Lake
from storage.schema import COMMITS, TABLES
from storage.sql.describe import column_comment, describe
from storage.sql.inspection import inspect_statement
from storage.sql.questions import QUESTIONS, question
from storage.sql.run import run_sql
from storage.views import VIEWS
from tests.storage.small import build

pytestmark = pytest.mark.slow

EMPTY_HERE = {"failures", "duplicates"}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return build(tmp_path_factory.mktemp("small") / "w")


@pytest.fixture(scope="module")
def reader(small):
    with Lake(small, read_only=True) as lake:
        yield lake


def test_there_are_twenty_questions_and_their_names_differ():
    assert len({question.name for question in QUESTIONS}) == len(QUESTIONS) >= 20


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_a_question_is_answered(reader, question):
    inspect_statement(question.sql)
    assert bool(reader.rows(question.sql)) != (question.name in EMPTY_HERE)


def answer(reader, name: str) -> list[dict]:
    return reader.rows(question(name).sql)


def test_the_answers_are_right(reader):
    yields = {
        row["method"]: (row["made"], row["accepted"], row["percent"]) for row in answer(reader, "yield-by-method")
    }
    assert yields == {"cot": (16, 12, 75.0), "tutorship": (8, 8, 100.0)}
    assert answer(reader, "rejections-by-reason") == [{"method": "cot", "reason": "answer:wrong", "rows": 4}]
    cost = {row["method"]: row for row in answer(reader, "cost-per-accepted-token")}
    assert cost["cot"]["accepted_words"] == 36 and cost["cot"]["written_per_word"] == round(320 / 36, 2)
    assert cost["tutorship"]["cost_per_1000"] == pytest.approx(1000 * 0.008 / 24, abs=1e-6)
    trained = [row for row in answer(reader, "trained-on") if row["checkpoint_id"] == "model-1"]
    assert {row["method"]: row["rows"] for row in trained} == {"cot": 12, "tutorship": 8}
    nights = [row for row in answer(reader, "nights-of-a-release") if row["release_id"] == "set@2"]
    assert [(row["night"], row["rows"]) for row in nights] == [("2026-01-01/r", 10), ("2026-01-02/r", 10)]
    drift = [row for row in answer(reader, "drift") if row["release_id"] == "set@2"]
    assert [(row["rows_before"], row["rows"], row["points"]) for row in drift] == [(6, 12, 0.0), (4, 8, 0.0)]
    taught = answer(reader, "models-of-a-row")
    assert {row["checkpoint_id"] for row in taught} == {"model-0", "model-1"}


def test_an_example_is_found_by_number_and_name():
    assert question("1") == QUESTIONS[0] and question("drift").name == "drift"
    with pytest.raises(QueryError, match="did you mean 'drift'"):
        question("drifts")
    for name in ("²", "9" * 5000, "0"):
        with pytest.raises(QueryError, match="unknown example"):
            question(name)


def test_an_example_runs_in_the_closed_process(small):
    assert run_sql(small, question("students").sql, as_of="3").num_rows == 0
    assert run_sql(small, question("students").sql).num_rows == 2


def test_every_table_view_and_column_says_what_it_means():
    relations = {relation.name: relation for relation in describe()}
    assert (
        set(relations) == {"commits", *TABLES, *VIEWS}
        and relations["commits"].columns[0].comment == COMMITS.field(0).metadata[b"comment"].decode()
    )
    for relation in relations.values():
        assert relation.comment
        for column in relation.columns:
            assert column.comment, f"{relation.name}.{column.name} has no comment: storage/views, COLUMN_COMMENTS"
    with pytest.raises(QueryError, match="did you mean 'funnel'"):
        describe("funel")


def test_a_column_of_a_view_means_what_it_means_in_the_table_behind_it():
    assert column_comment("accepted", "kind") == column_comment("samples", "kind") != column_comment("commits", "kind")
    assert column_comment("rejected", "origin") == column_comment("samples", "origin")
    assert column_comment("decisions", "sample_id") == column_comment("verdicts", "sample_id")
    assert column_comment("judgements", "aspect") == column_comment("rubric_scores", "aspect")
