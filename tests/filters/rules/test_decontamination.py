import pytest

from filters import get_filter
from filters.benchmarks import Benchmark, BenchmarkManifest
from tests.filters.helpers import (
    STAMPS,
    STAMPS_SOLUTION,
    arithmetic,
    context,
    derivation,
    details,
    outcomes,
    row,
    table,
    word_problem,
)

ITEM = word_problem(solution=STAMPS_SOLUTION, source="gsm8k")
SHORT = word_problem("What is 17 times 23?", "391")
TINY = word_problem("Solve x.", "1")
PUZZLE = arithmetic("Ann")
MANIFEST = BenchmarkManifest(
    [Benchmark("gsm8k", "1", "test", [ITEM, SHORT, TINY]), Benchmark("ours", "1", "test", [PUZZLE])]
)
SENTENCES = STAMPS.split(". ")

FLAGGED = {
    "exact": (STAMPS, "exact_match"),
    "other case and punctuation": (STAMPS.upper().replace(",", ";").replace("?", ""), "exact_match"),
    "compatibility characters": (STAMPS.replace("11", "１１"), "exact_match"),
    "inside a longer text": (f"Here is one for you. {STAMPS} Explain your answer.", "contains_item"),
    "reordered": (
        ". ".join([SENTENCES[1], SENTENCES[3], SENTENCES[0], SENTENCES[2]]) + ". " + SENTENCES[4],
        "reordered",
    ),
    "lightly paraphrased": (
        STAMPS.replace("Bella bought stamps at the post office", "At the post office, Bella got some stamps").replace(
            "How many stamps did Bella buy in all", "In total, how many stamps are there"
        ),
        "ngram_8",
    ),
    "number words": (STAMPS.replace("9 more", "nine more").replace("13", "thirteen"), "exact_match"),
    "one sentence": (f"{SENTENCES[1]}. Which was first?", "ngram_13"),
    "another ending": (STAMPS.replace(" How many stamps did Bella buy in all?", " What did she pay?"), "ngram_8"),
    "short": ("Tell me: what is 17 times 23?", "contains_item"),
}
MELONS = (
    "A farmer sells 48 melons for $3 each at the market. He spends 50% of the money on seeds and gives 20 dollars to his "
    "son. How much money does the farmer keep?"
)
TIMES = "What is 7 × 6?"
REWRITTEN = {
    "number words above twenty": (MELONS, MELONS.replace("48", "forty-eight")),
    "all numbers in words": (MELONS, MELONS.replace("48", "forty eight").replace("$3", "three dollars").replace("20", "twenty")),
    "percent in words": (MELONS, MELONS.replace("50%", "fifty percent")),
    "percent as a fraction": (MELONS, MELONS.replace("50% of", "half")),
    "percent as a decimal": (MELONS, MELONS.replace("50%", "0.5")),
    "digits of another script": (MELONS, MELONS.replace("48", "४८")),
    "zero-width characters": (MELONS, MELONS.replace("el", "e\u200bl").replace("48", "4\u20608")),
    "soft hyphens": (MELONS, MELONS.replace("farmer", "far\u00admer")),
    "entities": (MELONS, MELONS.replace(" ", "&nbsp;").replace("$", "&#36;")),
    "clauses in another order": (
        MELONS,
        MELONS.replace("spends 50% of the money on seeds and gives", "gives").replace(
            "to his son", "to his son and spends 50% of the money on seeds"
        ),
    ),
    "LaTeX": (TIMES, "What is $7 \\times 6$?"),
    "an x": (TIMES, "What is 7 x 6?"),
    "in words": (TIMES, "What is seven times six?"),
    "a LaTeX fraction": ("Find 3/4 of 28 apples.", "Find $\\frac{3}{4}$ of 28 apples."),
}  # fmt: skip
OTHER_PROBLEMS = {
    "another operator": (TIMES, "What is 7 ÷ 6?"),
    "another number in words": (MELONS, MELONS.replace("48", "forty-nine")),
    "another part": (MELONS, MELONS.replace("50% of", "a third of")),
    "numbers that changed places": (MELONS, MELONS.replace("48", "#").replace("20", "48").replace("#", "20")),
}
PASSES = {
    "number changed": STAMPS.replace("11", "16").replace("9 more", "3 more").replace("13", "9"),
    "one number changed": STAMPS.replace("11", "12"),
    "name and numbers changed": STAMPS.replace("Bella", "Max").replace("11", "16").replace("13", "9"),
    "number changed, in a longer text": f"Here is one. {STAMPS.replace('13', '12')} Explain.",
    "short, number changed": "What is 17 times 24?",
    "words of a short item apart": "What is 17 plus 1 times 23?",
    "too short to be looked for inside": "Solve x. Then solve y and add both.",
    "something else": "Ben reads 20 pages a day. How many pages does he read in a week?",
    # Not covered, on purpose told here: a full paraphrase needs embeddings and a judge.
    "full paraphrase": "Bella takes eleven snowflake stamps, twenty with trucks and seven with roses. Total?",
}


def judge(*rows, problems=(), options=None, **more):
    around = context(*problems, **{"manifest": MANIFEST} | more)
    return get_filter("decontamination", options)(table(*rows), around)


@pytest.mark.parametrize("name", FLAGGED)
def test_planted_items_are_found(name):
    text, reason = FLAGGED[name]
    problem = word_problem(text, structure=name)
    verdicts = judge(row("s", problem), problems=(problem,))
    assert outcomes(verdicts) == {"s": ("fail", reason)}
    assert details(verdicts)["s"]["benchmark"] == "gsm8k/test"
    assert details(verdicts)["s"]["item"] in (ITEM.id, SHORT.id)


@pytest.mark.parametrize("compiled", ["0", "1"])
@pytest.mark.parametrize("name", [*REWRITTEN, *OTHER_PROBLEMS])
def test_an_item_in_other_words_is_the_item(name, compiled, monkeypatch):
    monkeypatch.setenv("NIGHTSCHOOL_NUMBA", compiled)
    item, text = (REWRITTEN | OTHER_PROBLEMS)[name]
    manifest = BenchmarkManifest([Benchmark("exam", "1", "test", [word_problem(item)])])
    problem = word_problem(text, structure="another")
    verdicts = get_filter("decontamination")(table(row("0", problem)), context(problem, manifest=manifest))
    assert verdicts["outcome"].to_pylist() == ["fail" if name in REWRITTEN else "pass"]


@pytest.mark.parametrize("name", PASSES)
def test_other_problems_pass(name):
    problem = word_problem(PASSES[name])
    assert outcomes(judge(row("s", problem), problems=(problem,))) == {"s": ("pass", None)}


@pytest.mark.parametrize("name", ["number changed", "name and numbers changed", "number changed, in a longer text"])
def test_a_shared_template_is_told_on_a_passing_verdict(name):
    problem = word_problem(PASSES[name])
    verdicts = judge(row("s", problem), problems=(problem,))
    assert details(verdicts)["s"] == {"template_match": {"benchmark": "gsm8k/test", "item": ITEM.id}}


@pytest.mark.parametrize(
    "field",
    [
        {"response": f"Let us practise with: {STAMPS}"},
        {"kind": "preference", "rejected": STAMPS},
        {"kind": "text", "text": STAMPS, "problem_id": None},
        {"messages": [{"role": "system", "content": STAMPS}, {"role": "user", "content": "?"}]},
        {"steps": ["a", STAMPS]},
    ],
)
def test_every_text_of_a_row_is_read(field):
    problem = word_problem("Ben reads 20 pages a day. How many pages does he read in a week?")
    assert outcomes(judge(row("s", problem, **field), problems=(problem,)))["s"][0] == "fail"


@pytest.mark.parametrize(
    "response", [STAMPS_SOLUTION, STAMPS_SOLUTION.replace("<<11+9=20>>", "").replace("Bella", "Max")]
)
def test_solutions_are_looked_for(response):
    problem = word_problem("How many are there?")
    assert outcomes(judge(row("s", problem, response), problems=(problem,))) == {"s": ("fail", "solution")}


def test_a_solution_with_other_numbers_passes():
    problem = word_problem("How many are there?")
    other = STAMPS_SOLUTION.replace("11", "16").replace("20", "25").replace("7", "12").replace("38", "53")
    assert outcomes(judge(row("s", problem, other), problems=(problem,))) == {"s": ("pass", None)}


def test_the_structure_of_a_benchmark_problem():
    ben = arithmetic("Ben")
    assert outcomes(judge(row("s", ben, derivation(ben)), problems=(ben,))) == {"s": ("fail", "structure")}


def test_held_out_structures_and_prompts():
    ann, other = arithmetic("Ann", 4), arithmetic("Ben", 9)
    rows = [row("a", ann), row("b", other), row("c", other, f"Like this: {ann.prompt}")]
    held = {"manifest": None, "heldout": frozenset({ann.structure_id}), "heldout_prompts": frozenset({ann.prompt})}
    verdicts = judge(*rows, problems=(ann, other), **held)
    assert outcomes(verdicts) == {"a": ("fail", "structure"), "b": ("pass", None), "c": ("fail", "contains_item")}
    assert {detail.get("benchmark") for detail in details(verdicts).values()} == {"heldout", None}


def test_problems_of_one_template_are_not_each_others_leaks():
    problems = [arithmetic(name, start) for name in ("Ann", "Ben") for start in range(3, 9)]
    held = frozenset(problem.prompt for problem in problems[:3])
    rows = [row(problem.id, problem, derivation(problem)) for problem in problems[3:6]]
    verdicts = judge(*rows, problems=problems, heldout_prompts=held, manifest=BenchmarkManifest([]))
    assert {outcome for outcome, _ in outcomes(verdicts).values()} == {"pass"}


def test_boilerplate_of_many_items_is_no_leak():
    shared = "Answer the following question about the small village by the sea with one number and nothing else please."
    items = [word_problem(f"{shared} How many {thing} are on the beach?") for thing in "abcdefghijklmn"]
    manifest = BenchmarkManifest([Benchmark("village", "1", "test", items)])
    problem = word_problem(f"{shared} Who is the mayor?")
    assert outcomes(judge(row("s", problem), problems=(problem,), manifest=manifest)) == {"s": ("pass", None)}


def test_the_details_do_not_quote_the_benchmark():
    verdicts = judge(row("s", ITEM), problems=(ITEM,))
    assert outcomes(verdicts) == {"s": ("fail", "structure")}
    assert "stamps" not in verdicts["detail"][0].as_py()


def test_a_problem_that_is_not_there_cannot_be_cleared():
    assert outcomes(judge(row("s", ITEM))) == {"s": ("unknown", "unknown_problem")}


def test_without_benchmarks_there_is_nothing_to_find():
    assert outcomes(judge(row("s", ITEM), problems=(ITEM,), manifest=None)) == {"s": ("pass", None)}
