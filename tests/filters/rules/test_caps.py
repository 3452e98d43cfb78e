from filters import get_filter
from storage.lake.lake import Lake, table_of
from storage.lake.nights import accepted_before
from storage.workspace import Workspace
from tests.filters.helpers import arithmetic, context, outcomes, row, table, word_problem

ANN, OTHER, BEN = arithmetic("Ann"), arithmetic("Ann", 9), word_problem()
ROWS = [row(f"{n}", problem) for n, problem in enumerate([ANN, ANN, OTHER, ANN, BEN, ANN])]


def judge(options=None, **more):
    verdicts = outcomes(get_filter("caps", options)(table(*ROWS), context(ANN, OTHER, BEN, **more)))
    return {name: reason for name, (_, reason) in verdicts.items() if reason}


def test_no_cap_unless_asked_for():
    assert judge() == {}
    assert get_filter("caps").scope == "last"


def test_rows_of_one_problem():
    assert judge({"per_problem": 2}) == {"3": "too_many_of_problem", "5": "too_many_of_problem"}


def test_rows_of_one_template():
    assert judge({"per_template": 2}) == {name: "too_many_of_template" for name in "235"}


def test_rows_that_are_rejected_do_not_count():
    assert judge({"per_problem": 2}, eligible=frozenset("1345")) == {"5": "too_many_of_problem"}


def test_other_methods_have_their_own():
    rows = [row("a", ANN), row("b", ANN, method="critique")]
    verdicts = outcomes(get_filter("caps", {"per_problem": 1})(table(*rows), context(ANN)))
    assert {outcome for outcome, _ in verdicts.values()} == {"pass"}


def test_rows_of_earlier_nights_about_the_same_problem_count():
    reasons = judge({"per_problem": 2}, earlier={("cot", ANN.id): 1, ("cot", OTHER.id): 2})
    assert reasons == {name: "too_many_of_problem" for name in "1235"}


def test_a_question_that_a_method_made_is_a_problem_of_its_own():
    def made(name, question):
        return row(name, ANN, messages=[{"role": "user", "content": question}], notes={"question": {"gold": "1"}})

    samples = table(made("a", "Old?"), made("b", "New?"), made("c", "Old?"))
    verdicts = outcomes(get_filter("caps", {"per_problem": 1})(samples, context(ANN)))
    assert verdicts == {"a": ("pass", None), "b": ("pass", None), "c": ("fail", "too_many_of_problem")}
    assert set(outcomes(get_filter("caps", {"per_template": 1})(samples, context(ANN))).values()) == set(
        verdicts.values()
    ) - {("fail", "too_many_of_problem")} | {("fail", "too_many_of_template")}


def test_what_earlier_nights_accepted_is_counted_from_the_lake(tmp_path):
    with Lake(Workspace.create(tmp_path / "w")) as lake:
        rows = [row(f"o{n}", ANN, night="1") for n in range(3)] + [row("p", OTHER, night="1")]
        decisions = [("o0", "accepted"), ("o1", "accepted"), ("o2", "rejected"), ("p", "accepted")]
        verdicts = [
            {"sample_id": sample_id, "filter": "policy", "outcome": outcome, "night": "1"}
            for sample_id, outcome in decisions
        ]
        lake.commit("1", "curate", {"samples": table(*rows), "verdicts": table_of("verdicts", verdicts)}, night="1")
        back = [{"sample_id": "o1", "filter": "policy", "outcome": "rejected", "night": "1"}]
        lake.commit("1 again", "rescan", {"verdicts": table_of("verdicts", back)}, night="1")
        planned = table_of("attempts", [{"attempt_id": "a", "night": "2", "problem_id": ANN.id, "status": "planned"}])
        lake.commit("2", "problems", {"attempts": planned, "samples": table(row("n", ANN, night="2"))}, night="2")
        assert accepted_before(lake, "2") == {("cot", ANN.id): 1}
