"""The kept results of the benchmarks: docs quote those of today, and each says what it stands on."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.shared import rates, results, standing

PAGE = Path(__file__).parent.parent / "docs" / "scale.md"


def test_the_table_of_rates_is_made_of_the_kept_results():
    text = PAGE.read_text(encoding="utf-8")
    assert rates.BEGIN in text and rates.END in text
    assert rates.renewed(text) == text, "run: python -m benchmarks.shared.rates docs/scale.md"


@pytest.mark.parametrize(
    ("rate", "shown"), [(329_121.3, "329,000"), (43_459.0, "43,500"), (97.6, "98"), (1024.4, "1,020")]
)
def test_rates_have_three_digits(rate, shown):
    assert rates._rounded(rate) == shown


def test_what_results_stand_on_is_there():
    kept = {file.stem for file in results.RESULTS.glob("*.json")}
    assert set(standing.STANDS_ON) <= kept
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
