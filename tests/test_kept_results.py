"""The kept results of the benchmarks: docs quote those of today, and each says what it stands on."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.shared import comparisons, rates, results, standing

DOCS = Path(__file__).parent.parent / "docs"


@pytest.mark.parametrize(
    ("made", "module", "page"), [(rates, "rates", "scale.md"), (comparisons, "comparisons", "experiments.md")]
)
def test_tables_are_made_of_the_kept_results(made, module, page):
    text = (DOCS / page).read_text(encoding="utf-8")
    assert made.BEGIN in text and made.END in text
    assert made.renewed(text) == text, f"run: python -m benchmarks.shared.{module} docs/{page}"


def test_a_difference_is_shown_where_its_interval_leaves_zero_out(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    figures = {
        "warm_rl_minus_rl_greedy": [0.02, 0.01, 0.03],
        "warm_rl_minus_rl_sampled": [0.02, -0.01, 0.05],
        "rl_minus_start_greedy": [-0.02, -0.03, -0.01],
        "rl_minus_start_sampled": [0.5],
        "by_seed": {"0": {}, "1": {}},
    }
    (tmp_path / "warming.json").write_text(json.dumps(figures))
    better, none, worse = list(comparisons.rows())
    assert better.endswith("| 2 | +0.020 | [+0.010, +0.030] | better |")
    assert none.endswith("| no difference shown |") and worse.endswith("| worse |")


@pytest.mark.parametrize(
    ("rate", "shown"), [(329_121.3, "329,000"), (43_459.0, "43,500"), (97.6, "98"), (1024.4, "1,020")]
)
def test_rates_have_three_digits(rate, shown):
    assert rates._rounded(rate) == shown


def test_what_results_stand_on_is_there():
    kept = {file.stem for file in results.RESULTS.glob("*.json")}
    benchmarks = {file.stem for file in results.RESULTS.parent.glob("*.py")}  # some were not run yet
    assert set(standing.STANDS_ON) <= kept | benchmarks
    missing = [
        path for paths in standing.STANDS_ON.values() for path in paths if not (standing.CHECKOUT / path).exists()
    ]
    assert not missing


def test_a_result_is_old_when_its_code_changed_later(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    (tmp_path / "gate.json").write_text(
        json.dumps({"runs": [{"date": "2026-01-02T00:00:00"}, {"at": "2026-01-01T00:00:00+00:00"}]})
    )
    for day, word in ((1, "as its code"), (2, "OLDER than")):  # the oldest part decides
        monkeypatch.setattr(standing, "changed_at", lambda path, day=day: datetime(2026, 1, day, tzinfo=UTC))
        assert word in standing.sentence("gate")
    (tmp_path / "gate.json").write_text("{}")
    assert "no date" in standing.sentence("gate")
    (tmp_path / "other.json").write_text('{"at": "2026-01-01T00:00:00+00:00"}')
    assert standing.sentence("other").endswith("OLDER than benchmarks/other.py (2026-01-02 00:00)")


def test_an_uncommitted_change_is_of_now(monkeypatch):
    monkeypatch.setattr(standing, "_git", lambda *arguments: " M filters/base.py" if arguments[0] == "status" else "")
    assert (datetime.now(UTC) - standing.changed_at("filters")).total_seconds() < 60
    monkeypatch.setattr(
        standing, "_git", lambda *arguments: "" if arguments[0] == "status" else "2026-01-05T00:00:00+00:00"
    )
    assert standing.changed_at("filters") == datetime(2026, 1, 5, tzinfo=UTC)
