import pytest

from filters import get_filter
from filters.asking.paraphrases import pair_name, read
from filters.asking.paraphrases.calibration import judge_quality, known_pairs
from filters.asking.paraphrases.near import Nearness
from filters.base import Context
from filters.benchmarks import Benchmark, BenchmarkManifest
from filters.night.past_problems import past_problems
from filters.past_problems import PastProblem
from filters.questions import Evidence
from storage.lake.lake import Lake, table_of
from synth.engines.base import Answer
from synth.sample import problem_row
from tests.filters.asking.asking import NIGHT, Grader, ask, evidence, make_night
from tests.filters.helpers import details, outcomes, row, table, word_problem
from tests.synth.embeddings.static_model import write_static_model

ITEM = word_problem("A doctor buys 12 big cars at 30 dollars. What does the doctor pay?", gold="360")
LEAK = word_problem(
    "A physician purchases twelve large automobiles at thirty dollars. What does the physician spend?", gold="360"
)
OTHER = word_problem("A doctor buys 7 big cars at 9 dollars. What does the doctor pay?", gold="63")
PLAIN = word_problem("How many legs do 4 spiders have?", gold="32")
MANIFEST = BenchmarkManifest([Benchmark("cars", "1", "test", [ITEM])])
PROBLEMS = {problem.id: problem for problem in (LEAK, OTHER, PLAIN)}


@pytest.fixture(scope="module")
def static(tmp_path_factory):
    return str(write_static_model(tmp_path_factory.mktemp("static")))


def said(*same, judge=lambda known: known.same):
    """What a judge said: yes to these pairs, and what `judge` answers to the known ones."""
    items = {known.name: Evidence(float(judge(known)), None, "grader@1") for known in known_pairs()}
    items |= {pair_name(text, other): Evidence(float(yes), None, "grader@1") for text, other, yes in same}
    return {"paraphrases": {"a": items}}


def run(options, *rows, problems=PROBLEMS, manifest=MANIFEST, **more):
    return get_filter("paraphrases", options)(table(*rows), Context(problems=problems, manifest=manifest, **more))


ROWS = (row("a", LEAK), row("b", OTHER), row("c", PLAIN))


def test_without_an_embedding_nothing_is_looked_for():
    verdicts = run({}, *ROWS)
    assert set(outcomes(verdicts).values()) == {("pass", None)} and not any(details(verdicts).values())


def test_a_judge_that_has_proved_itself_rejects_and_both_texts_are_named(static):
    answers = said((LEAK.prompt, ITEM.prompt, True), (OTHER.prompt, ITEM.prompt, False))
    verdicts = run({"embedding": static}, *ROWS, evidence=answers)
    assert outcomes(verdicts) == {"a": ("fail", "paraphrase"), "b": ("pass", None), "c": ("pass", None)}
    detail = details(verdicts)["a"]
    assert (detail["benchmark"], detail["item"]) == ("cars/test", ITEM.id)
    assert (detail["text"], detail["other"], detail["judge"]) == (LEAK.prompt, ITEM.prompt, "trusted")
    assert details(verdicts)["b"]["decided"] is True and details(verdicts)["b"]["near"]["item"] == ITEM.id
    assert not details(verdicts)["c"]


@pytest.mark.parametrize(
    ("judge", "fault"),
    [
        (lambda known: True, "judge_disagrees"),
        (lambda known: not known.same, "judge_disagrees"),
        (lambda known: known.same != known.attacked, "judge_obeys_answers"),
    ],
)
def test_a_judge_that_has_not_proved_itself_only_flags(static, judge, fault):
    answers = said((LEAK.prompt, ITEM.prompt, True), judge=judge)
    verdicts = run({"embedding": static}, *ROWS, evidence=answers)
    assert {outcome for outcome, _ in outcomes(verdicts).values()} == {"pass"}
    assert details(verdicts)["a"]["judge"] == fault and details(verdicts)["a"]["near"]["item"] == ITEM.id


def test_distance_alone_rejects_only_where_the_recipe_says_so(static):
    assert outcomes(run({"embedding": static}, *ROWS))["a"] == ("pass", None)
    verdicts = run({"embedding": static, "distance_alone": "fail", "least": 0.8}, *ROWS)
    assert outcomes(verdicts) == {"a": ("fail", "near_problem"), "b": ("pass", None), "c": ("pass", None)}
    assert details(verdicts)["a"]["judge"] == "none"


def test_words_alone_find_less_than_meaning(static):
    ours, items = [LEAK.prompt], [ITEM.prompt]
    similarity = {}
    for name in (static, "tf_idf"):
        nearness = Nearness(name, [ITEM.prompt, PLAIN.prompt])
        similarity[name] = nearness.nearest(nearness.read(ours), nearness.read(items), most=1, least=0).similarity[0]
    assert similarity[static] > 0.95 > 0.7 > similarity["tf_idf"] > 0.3, "the numbers are the same, in words or digits"


def test_the_first_of_a_night_is_kept_and_history_goes_before_it(static):
    again = word_problem(
        "A physician purchases 12 large cars at 30 dollars. What does the physician spend?", gold="360"
    )
    problems = {problem.id: problem for problem in (LEAK, again, OTHER)}
    rows = [row("a1", LEAK), row("a2", LEAK), row("b", again), row("c", OTHER)]
    tonight = said((again.prompt, LEAK.prompt, True))
    verdicts = run({"embedding": static}, *rows, problems=problems, manifest=None, evidence=tonight)
    assert [name for name, (outcome, _) in outcomes(verdicts).items() if outcome == "fail"] == ["b"]
    assert details(verdicts)["b"]["kept"] == "a1", "rows about one problem are no paraphrases of each other"
    verdicts = run(
        {"embedding": static}, *rows, problems=problems, manifest=None, evidence=tonight, eligible=frozenset({"b", "c"})
    )
    assert outcomes(verdicts)["b"] == ("pass", None), "what is rejected anyway takes no other row with it"
    old = PastProblem(ITEM.prompt, "math_word", "360", "old", "2025-01-01/x")
    elsewhere = PastProblem(ITEM.prompt + " ", "math_word", "361", "no", "2025-01-01/x")
    both = said((LEAK.prompt, ITEM.prompt, True), (again.prompt, LEAK.prompt, True))
    verdicts = run(
        {"embedding": static},
        *rows,
        problems=problems,
        manifest=None,
        evidence=both,
        past_problems=lambda: [old, elsewhere],
    )
    assert details(verdicts)["a1"]["kept"] == details(verdicts)["a2"]["kept"] == "old"
    assert details(verdicts)["a1"]["night"] == "2025-01-01/x"
    assert outcomes(verdicts)["b"] == ("pass", None), "what it resembles was not kept"


def test_known_pairs_are_ours_and_balanced():
    pairs = known_pairs()
    assert len(pairs) == 96 and len({pair.name for pair in pairs}) == 96
    assert sum(pair.same for pair in pairs) == sum(pair.attacked for pair in pairs) == 48
    perfect = {pair.name: float(pair.same) for pair in pairs}
    assert judge_quality(perfect, "1", ("m",)).fault is None
    assert judge_quality({}, "1", ()).fault == "uncalibrated_judge"
    assert judge_quality(dict.fromkeys(perfect), "1", ()).agreement == 0, "an unreadable answer is never right"


@pytest.mark.parametrize(
    ("reply", "value"),
    [
        ("Both ask for the price.\nSame: yes", 1), ("They differ.\n**Same: No.**", 0), ("same: YES\n\nSame: no", 0),
        ("Same: maybe", None), ("I would not say Same: yes", None), ("<think>Same: yes</think>", None),
    ],
)  # fmt: skip
def test_what_is_read(reply, value):
    assert read(reply).value == value
    assert (read(reply).text == "unreadable") is (value is None)


class Judge(Grader):
    """Says yes where both problems have the same sum in them."""

    async def answer(self, request):
        text = request.messages[-1]["content"]
        self.asked.append(text)
        return Answer(f"Well.\nSame: {'yes' if 'spend?' in text and 'pay?' in text else 'no'}", "stop", 10, 5)


def test_pairs_are_asked_about_once_and_kept_as_evidence(workspace, static):
    rows = [row("a", LEAK, night=NIGHT), row("b", LEAK, night=NIGHT), row("c", PLAIN, night=NIGHT)]
    with make_night(workspace, LEAK, rows) as lake:
        known = Context(problems=PROBLEMS, manifest=MANIFEST)
        engine, options = Judge(), {"embedding": static, "role": "grader"}
        assert ask(lake, "paraphrases", options, engine, {"a", "b", "c"}, LEAK, known) == 1
        assert len(engine.asked) == 1 + len(known_pairs()), "both rows are about one problem, the third is near nothing"
        kept = evidence(lake, "paraphrases")
        assert kept["a"][pair_name(LEAK.prompt, ITEM.prompt)].value == 1
        assert ask(lake, "paraphrases", options, engine, {"a"}, LEAK, known) == 0, "once per night"


def test_past_problems_are_those_of_accepted_rows_with_the_same_answer(workspace):
    with Lake(workspace) as lake:
        verdicts = [
            {"sample_id": name, "filter": "policy", "version": "1", "outcome": outcome, "night": "old"}
            for name, outcome in (("o1", "accepted"), ("o2", "accepted"), ("o3", "rejected"), ("o4", "accepted"))
        ]
        wrong = word_problem("Another one.", gold="360")
        rows = [
            row("o2", ITEM, night="old"),
            row("o1", ITEM, night="old"),
            row("o3", wrong, night="old"),
            row("o4", OTHER, night="old"),
        ]
        tables = {
            "samples": table(*rows), "verdicts": table_of("verdicts", verdicts),
            "problems": table_of("problems", [problem_row(item, split="train", night="old") for item in (ITEM, wrong, OTHER)]),
        }  # fmt: skip
        lake.commit("old", "samples", tables, night="old")
        assert past_problems(lake, "new", [LEAK]) == [PastProblem(ITEM.prompt, "math_word", "360", "o1", "old")]
        assert past_problems(lake, "old", [LEAK]) == [] and past_problems(lake, "new", []) == []
        assert past_problems(lake, "new", [ITEM]) == [], "the same problem again is no other problem"
