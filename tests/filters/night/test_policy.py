import pyarrow as pa
import pytest

from filters.base import VERDICTS
from filters.night.policy import Policies, Policy, decide, eligible, read_policies
from storage.errors import RecipeError
from tests.filters.helpers import row, table

SAMPLES = table(row("a"), row("b", method="knights_knaves"))
NAMES = {"methods": ["cot", "knights_knaves"], "filters": ["answer", "length", "structure", "mine"]}


def verdicts(*items):
    fields = ("sample_id", "filter", "outcome", "reason")
    rows = [dict(zip(fields, item, strict=True)) | {"version": "1"} for item in items]
    return pa.Table.from_pylist(rows, schema=VERDICTS)


def decided(*items, policies=None, **more):
    table = decide(SAMPLES, verdicts(*items), policies, **more)
    assert set(table["filter"].to_pylist()) == {"policy"}
    columns = (table[name].to_pylist() for name in ("sample_id", "outcome", "reason"))
    return {sample_id: (outcome, reason) for sample_id, outcome, reason in zip(*columns, strict=True)}


GOOD = [(sample, name, "pass", None) for sample in "ab" for name in ("answer", "structure")]


def test_every_filter_must_pass():
    assert decided(*GOOD) == {"a": ("accepted", None), "b": ("accepted", None)}
    decisions = decided(*GOOD, ("a", "answer", "fail", "wrong_answer"), ("b", "answer", "unknown", "no_answer"))
    assert decisions == {"a": ("rejected", "answer:wrong_answer"), "b": ("rejected", "answer:no_answer")}


def test_the_reason_is_the_first_in_a_fixed_order():
    fails = [("a", name, "fail", "x") for name in ("mine", "near_duplicates", "decontamination", "answer", "structure")]
    for last in ("structure", "answer", "decontamination", "near_duplicates", "mine"):
        assert decided(*GOOD, *fails)["a"] == ("rejected", f"{last}:x")
        fails.pop()


def test_a_missing_verdict_rejects():
    assert decided(*GOOD[1:])["a"] == ("rejected", "answer:missing")
    assert decided(*GOOD, filters=["length"])["a"] == ("rejected", "length:missing")


def test_the_last_verdict_of_a_filter_holds_and_the_policys_own_do_not_count():
    decisions = decided(
        ("a", "answer", "fail", "wrong_answer"), *GOOD, ("a", "policy", "rejected", "answer:wrong_answer")
    )
    assert decisions["a"] == ("accepted", None)


def test_a_method_that_only_observes():
    wrong = [*GOOD, *((sample, "answer", "fail", "wrong_answer") for sample in "ab")]
    policies = read_policies({"knights_knaves": {"observe": ["answer"]}}, **NAMES)
    decisions = decided(*wrong, policies=policies)
    assert decisions == {"a": ("rejected", "answer:wrong_answer"), "b": ("accepted", None)}
    by_method = read_policies({}, observes={"knights_knaves": frozenset({"answer"}), "cot": frozenset()}, **NAMES)
    assert by_method == policies
    recipe_wins = read_policies({"knights_knaves": {}}, observes={"knights_knaves": {"answer"}}, **NAMES)
    assert recipe_wins.of("knights_knaves") == Policy()


def test_unknown_may_be_accepted_by_name():
    policies = read_policies({"default": {"accept_unknown": ["answer"]}}, **NAMES)
    assert decided(*GOOD, ("a", "answer", "unknown", "no_answer"), policies=policies)["a"] == ("accepted", None)
    assert decided(*GOOD, ("a", "answer", "fail", "wrong_answer"), policies=policies)["a"][0] == "rejected"


def test_the_version_tells_policies_apart():
    plain, other = Policies(), Policies({"cot": Policy(observe=frozenset({"answer"}))})
    assert plain.version == Policies().version
    assert plain.version != other.version
    assert decide(SAMPLES, verdicts(*GOOD), other)["version"][0].as_py() == other.version


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"knight_knaves": {}}, "policy.knight_knaves: unknown method 'knight_knaves'; did you mean 'knights_knaves'"),
        ({"cot": {"observes": []}}, "policy.cot: unknown key 'observes'; did you mean 'observe'"),
        ({"cot": {"observe": ["anwser"]}}, "policy.cot.observe: unknown filter 'anwser'; did you mean 'answer'"),
        ({"cot": ["answer"]}, "policy.cot: .*given"),
        ({"cot": {"observe": 3}}, r"policy.cot.observe: .*\(given: 3\)"),
    ],
)
def test_recipes_with_mistakes(given, message):
    with pytest.raises(RecipeError, match=message):
        read_policies(given, **NAMES)


def test_eligible_rows():
    assert eligible(SAMPLES, verdicts(*GOOD, ("b", "answer", "fail", "x"))) == {"a"}
