"""Results that several seeds make are kept seed by seed, at one setting."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks.shared import results
from benchmarks.shared.seeds import Seeds, interval, mean


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    return tmp_path


def total(seeds):
    return {"total": sum(seed["right"] for seed in seeds)}


def test_the_interval_is_students():
    # mean 2, deviation 1, three values: 4.303 (two degrees of freedom) * 1 / sqrt(3)
    assert interval([1.0, 2.0, 3.0]) == [-0.4841, 4.4841]
    assert mean([1.0, 2.0, 3.0]) == [2.0, -0.4841, 4.4841]
    assert interval([1.0]) == []


def test_seeds_that_come_at_once_are_all_kept(folder):
    kept = Seeds("sums", {"steps": 3}, total)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda seed: kept.add(seed, {"right": seed}), range(12)))
    result = json.loads((folder / "sums.json").read_text())
    assert list(result["by_seed"]) == [str(seed) for seed in range(12)]
    assert (result["total"], result["seeds"]) == (66, 12)
    assert "date" in result["by_seed"]["3"]


def test_figures_of_other_settings_are_dropped():
    Seeds("sums", {"steps": 3}, total).add(0, {"right": 1})
    Seeds("sums", {"steps": 4}, total).add(1, {"right": 5})
    result = results.last("sums")
    assert list(result["by_seed"]) == ["1"] and result["settings"] == {"steps": 4} and result["total"] == 5


def test_rates_are_chosen_once_for_a_setting():
    calls = []

    def tune():
        calls.append(1)
        return {"rates": {"rl": len(calls)}, "tried": {}}

    kept = Seeds("sums", {"steps": 3}, total)
    assert kept.tuned(tune) == {"rl": 1}
    kept.add(0, {"right": 1})
    assert kept.tuned(tune) == {"rl": 1}
    assert results.last("sums")["by_seed"]["0"]["right"] == 1
    assert Seeds("sums", {"steps": 4}, total).tuned(tune) == {"rl": 2}
    assert "by_seed" not in results.last("sums")
