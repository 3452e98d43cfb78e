"""A plan as a recipe writes it: names, starts, rounds, and what is refused with which words."""

import pytest

from storage.errors import RecipeError
from train_stages.plan.steps import read_plan

WARM_UP = [
    {"sft": {"name": "warm-up", "tasks": ["knights_knaves"], "where": "tier <= 3", "limit": 600, "epochs": 2}},
    {"rl": {"name": "target", "problems": "drawn", "tasks": ["arithmetic"], "limit": 100, "seed": 7}},
]


def test_a_plan_is_read_in_order_each_stage_after_the_one_before():
    warm_up, target = read_plan(WARM_UP, seed=3)
    assert (warm_up.name, warm_up.start, warm_up.seed, warm_up.options) == ("warm-up", None, 3, {"epochs": 2})
    assert (warm_up.selection.where, warm_up.selection.limit) == ("tier <= 3", 600)
    assert (target.name, target.start, target.seed, target.drawn) == ("target", "warm-up", 7, True)
    assert target.selection.tasks == ("arithmetic",) and target.key == "train.plan.1.rl"


def test_names_are_the_kinds_with_a_number_when_they_repeat():
    assert [step.name for step in read_plan([{"sft": {}}, {"sft": None}, {"rl": {}}, {"sft": {}}])] == [
        "sft", "sft-2", "rl", "sft-3",
    ]  # fmt: skip


def test_rounds_repeat_a_list_with_names_starts_and_seeds_of_their_own():
    plan = [{"sft": {}}, {"rounds": 2, "plan": [{"sft": {"name": "more"}}, {"rl": {"from": "more"}}]}, {"cpt": {}}]
    steps = read_plan(plan, seed=5)
    assert [(step.name, step.start, step.seed) for step in steps] == [
        ("sft", None, 5),
        ("more-1", "sft", 5),
        ("rl-1", "more-1", 5),
        ("more-2", "rl-1", 6),
        ("rl-2", "more-2", 6),
        ("cpt", "rl-2", 5),
    ]


def test_a_stage_may_start_anywhere_before_it_or_from_a_checkpoint():
    steps = read_plan([{"sft": {}}, {"rl": {}}, {"rl": {"from": "sft"}}, {"sft": {"from": "models/mine"}}])
    assert [(step.start, step.checkpoint) for step in steps[2:]] == [("sft", None), (None, "models/mine")]
    _, second = read_plan([{"sft": {}}, {"sft": {"from": "incumbent"}}])
    assert (second.start, second.checkpoint) == (None, None)


@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        ([{"sgt": {}}], "train.plan.0: unknown stage 'sgt'; did you mean 'sft'"),
        (["sft"], "train.plan.0: write one stage"),
        ({"sft": {}}, "train.plan: write a list of stages"),
        ([{"sft": 3}], "train.plan.0.sft = 3: write its settings"),
        ([{"sft": {"wher": "true"}}], "train.plan.0.sft.wher: unknown key 'wher'; did you mean 'where'"),
        ([{"sft": {"limit": 0}}], "train.plan.0.sft.limit"),
        ([{"cpt": {}}, {"sft": {"learning_rat": 1}}], "train.plan.1.sft.learning_rat"),
        ([{"sft": {"name": "a"}}, {"sft": {"name": "a"}}], "train.plan.1.sft.name = 'a': another stage"),
        ([{"sft": {"from": "rl"}}, {"rl": {}}], "train.plan.0.sft.from = 'rl': this stage comes later"),
        ([{"rounds": 0, "plan": []}], "train.plan.0.rounds = 0: write a number from 1"),
        ([{"rounds": 2, "pln": []}], "train.plan.0.pln: unknown key 'pln'; did you mean 'plan'"),
        ([{"rounds": 150, "plan": [{"sft": {}}, {"rl": {}}]}], "write at most 200"),
        ([{"sft": {"problems": "drawn"}}], "train.plan.0.sft.problems: sft reads rows"),
        ([{"rl": {"corpus": []}}], "train.plan.0.rl.corpus: only stages that read plain text"),
        ([{"sft": {"rows": "none"}}], "train.plan.0.sft.rows: sft cannot do without"),
        ([{"cpt": {"rows": "none"}}], "train.plan.0.cpt.rows = 'none': then it has nothing to read"),
        ([{"cpt": {"corpus": [{"path": "a", "hub": "b/c"}]}}], "either a `path` or a data set of the `hub`"),
        ([{"rl": {"problems": "drawn", "methods": ["cot"]}}], "drawn problems have no method"),
    ],
)
def test_what_cannot_be_used_is_named_with_what_would_be_right(plan, sentence):
    with pytest.raises(RecipeError) as error:
        read_plan(plan)
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    "where",
    [
        "tier <= 3) or (select count(*) from glob('/**')) > 0 --",
        "tier in (select tier from read_csv('/etc/passwd'))",
        "tier <= 3; drop table samples",
        "tier < random()",
        "getenv('HOME') = ''",
    ],
)
@pytest.mark.parametrize("kind", [{"sft": {}}, {"rl": {"problems": "drawn"}}])
def test_hostile_sql_is_refused_before_anything_is_read(kind, where):
    ((name, settings),) = kind.items()
    with pytest.raises(RecipeError, match=rf"train.plan.0.{name}.where"):
        read_plan([{name: {**settings, "where": where}}])
