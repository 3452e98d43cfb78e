import json

import pytest

from filters.benchmarks import Benchmark, BenchmarkManifest
from tests.filters.helpers import STAMPS_SOLUTION, word_problem

ITEMS = [word_problem(solution=STAMPS_SOLUTION), word_problem("What is 2 + 2?", "4")]
TEST = Benchmark("gsm8k", "main@1", "test", ITEMS)
OTHER = Benchmark("svamp", "1", "test", ITEMS[1:])


def test_the_pin_names_every_set_and_no_item():
    pin = json.loads(BenchmarkManifest([OTHER, TEST]).to_json())
    assert [(entry["name"], entry["rows"]) for entry in pin["benchmarks"]] == [("gsm8k", 2), ("svamp", 1)]
    assert set(pin["benchmarks"][0]) == {"name", "revision", "split", "rows", "sha256"}
    assert "stamps" not in json.dumps(pin)


def test_the_digest_changes_with_the_content_and_only_then():
    pinned = BenchmarkManifest([TEST, OTHER]).digest
    assert BenchmarkManifest([OTHER, Benchmark("gsm8k", "main@1", "test", ITEMS[::-1])]).digest == pinned
    assert BenchmarkManifest([TEST]).digest != pinned
    assert BenchmarkManifest([OTHER, Benchmark("gsm8k", "main@2", "test", ITEMS)]).digest != pinned
    other_gold = [ITEMS[0], word_problem("What is 2 + 2?", "5")]
    assert BenchmarkManifest([OTHER, Benchmark("gsm8k", "main@1", "test", other_gold)]).digest != pinned


def test_a_set_is_there_once():
    with pytest.raises(ValueError, match="gsm8k/test is in the manifest twice"):
        BenchmarkManifest([TEST, TEST])


def test_items_are_named_by_set_and_split():
    assert [item.benchmark for item in BenchmarkManifest([TEST, OTHER]).items()] == ["gsm8k/test"] * 2 + ["svamp/test"]
