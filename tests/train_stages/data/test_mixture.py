import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import RecipeError, TrainingError
from train_stages.config import CptConfig, MixtureConfig
from train_stages.data.mixture import blend, mixed_order
from train_stages.stages.cpt import with_replay

TWO = MixtureConfig(
    phases=[
        {"share": 3, "weights": {"general": 0.6, "rows": 0.4}},
        {"share": 2, "weights": {"general": 0.2, "puzzles": 0.8}},
    ],
    most_epochs={"puzzles": 2, "general": 100, "rows": 1},
)
SIZES = {"general": 1000, "gsm8k": 3000, "svamp": 1000, "puzzles": 500}


def test_weights_are_shares_of_a_phase_and_rows_are_everything_else():
    plan = blend(SIZES, TWO.model_copy(update={"most_epochs": {"rows": 100, "general": 100, "puzzles": 100}}), 5000)
    first, second = plan.phases
    assert sum(first.values()) == pytest.approx(3000) and sum(second.values()) == pytest.approx(2000)
    assert first["general"] == pytest.approx(1800)
    assert first["gsm8k"] / first["svamp"] == pytest.approx(3), "by size"
    assert second == pytest.approx({"general": 400, "puzzles": 1600})


def test_a_cap_gives_what_is_over_to_the_others():
    plan = blend(SIZES, TWO, 5000)
    assert plan.epochs["puzzles"] == pytest.approx(2)
    assert plan.tokens == pytest.approx(5000) and all(plan.epochs[name] <= 1 + 1e-9 for name in ("gsm8k", "svamp"))
    all_capped = TWO.model_copy(update={"most_epochs": {"rows": 0.1, "general": 0.1, "puzzles": 0.1}})
    assert blend(SIZES, all_capped, 5000).tokens == pytest.approx(550, rel=1e-6), "shorter, and it shows"


@given(st.floats(0.05, 20))
def test_scaling_every_source_and_the_budget_keeps_the_epochs(scale):
    """Downsampling as in arXiv:2412.15285: a small run sees each source as often as the large one."""
    large = {name: size * 10**6 for name, size in SIZES.items()}
    small = {name: round(size * scale * 10**5) for name, size in SIZES.items()}
    scaled_down, scaled_up = blend(large, TWO, 5000 * 10**6), blend(small, TWO, 5000 * scale * 10**5)
    assert scaled_down.epochs == pytest.approx(scaled_up.epochs, rel=1e-3)


def test_the_order_follows_the_plan_phase_by_phase():
    lengths = np.random.default_rng(0).integers(5, 30, 400).tolist()
    sources = [["general", "puzzles", "gsm8k", "svamp"][number % 4] for number in range(400)]
    sizes = {name: sum(n for n, s in zip(lengths, sources, strict=True) if s == name) for name in set(sources)}
    plan = blend(sizes, TWO, 4000)
    order = mixed_order(plan, sources, lengths, seed=5)
    boundary = int(np.searchsorted(np.cumsum(np.array(lengths)[order]), sum(plan.phases[0].values())))
    for part, phase in ((order[:boundary], plan.phases[0]), (order[boundary:], plan.phases[1])):
        for name in sizes:
            seen = sum(lengths[row] for row in part if sources[row] == name)
            assert seen == pytest.approx(phase.get(name, 0), abs=65)
    assert mixed_order(plan, sources, lengths, seed=5).tolist() == order.tolist()
    puzzles = [row for row in order if sources[row] == "puzzles"]
    counts = np.unique(puzzles, return_counts=True)[1]
    assert counts.max() - counts.min() <= 1, "no row is repeated before all were seen"


def test_replayed_text_is_a_source_of_its_own(tmp_path):
    pq.write_table(pa.table({"text": ["general one", "general two"]}), tmp_path / "general.parquet")
    mixture = {"phases": [{"weights": {"rows": 0.7, "general": 0.3}}], "general": str(tmp_path / "general.parquet")}
    rows = with_replay(pa.table({"text": ["a problem"]}), CptConfig(mixture=mixture))
    assert rows["source"].to_pylist() == ["rows", "general", "general"]
    plan = blend({"rows": 10, "general": 20}, CptConfig(mixture=mixture).mixture, 10)
    assert plan.phases[0] == pytest.approx({"rows": 7, "general": 3})
    with pytest.raises(TrainingError, match=r"none\.parquet cannot be read"):
        with_replay(rows, CptConfig(mixture={**mixture, "general": str(tmp_path / "none.parquet")}))
    with pytest.raises(RecipeError, match="did you mean 'general'"):
        blend({"rows": 1, "general": 1}, MixtureConfig(phases=[{"weights": {"genral": 1}}]), 10)
