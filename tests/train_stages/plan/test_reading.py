"""What a step reads: rows, problems and corpora, their digest, and which of them count as read."""

import json
from dataclasses import replace
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from filters.benchmarks import Benchmark, BenchmarkManifest
from filters.night.benchmark_screening import Screening
from storage.errors import TrainingError
from storage.lake.lake import Lake, table_of
from storage.models.checkpoints import Checkpoint
from storage.releases.making import create_release
from storage.releases.reading import get_release
from synth.problems.arithmetic import Arithmetic
from synth.problems.base import Problem
from synth.sample import problem_row
from tests.storage.small import build
from train_stages.plan.reading import Reader, read_by
from train_stages.plan.run import Training
from train_stages.plan.steps import read_plan
from train_stages.stages.rl import bare_prompt

ITEM = "How many blue marbles does Ann hold after she gave four of her nineteen marbles to Ben and found two?"


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    with Lake(build(tmp_path_factory.mktemp("reading") / "w")) as lake:
        yield lake


@pytest.fixture
def reader(lake, tmp_path):
    problem = Problem("math_word", "bench", ITEM, "17", "bench-1")
    manifest = BenchmarkManifest([Benchmark("bench", "local", "test", [problem])])
    screening = partial(Screening, lake, manifest)
    return Reader(lake, get_release(lake, "set@2"), bare_prompt, screening, lambda text: tmp_path / text)


def step(kind, **content):
    (only,) = read_plan([{kind: content}])
    return only


def write(path, *texts):
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))


def test_a_release_that_grows_beside_what_a_stage_reads_changes_nothing_for_it(lake, reader):
    cot = reader.read(step("sft", where="night = '2026-01-01/r'"))
    assert cot.rows.num_rows == 10
    earlier = Reader(lake, get_release(lake, "set@1"), bare_prompt, reader.screening, reader.resolve)
    assert earlier.read(step("sft")).digest == cot.digest
    assert reader.read(step("sft")).digest != cot.digest
    assert reader.read(step("cpt", where="night = '2026-01-01/r'")).digest != cot.digest


def test_the_identity_of_a_stage_is_what_determines_what_it_makes(reader, tmp_path):
    parent = Checkpoint("parent", tmp_path, "base")
    training = Training(reader, "n", "prompt", "v", lambda *_: None)

    def key(checkpoint=parent, work=training, **content):
        sft = step("sft", **content)
        return work.key(sft, checkpoint, reader.read(sft))

    same = [key(), key(name="other", where="true"), key(epochs=1.0), key(save_every=3), key(loss="cross_entropy")]
    assert len(set(same)) == 1, "names, defaults and how often a state is kept make no other stage"
    others = [
        key(epochs=2),
        key(loss="row_mean"),
        key(schedule={"decay": 0.1}),
        key(seed=1),
        key(methods=["cot"]),
        key(replace(parent, id="another")),
        key(work=replace(training, prompt="another")),
    ]
    assert len({*same, *others}) == 1 + len(others)


def test_what_was_really_gone_through_counts_as_read(reader, tmp_path):
    sft = step("sft", methods=["tutorship"])
    reading = reader.read(sft)
    everything = read_by(sft, reading, tmp_path)
    assert everything.num_rows == 8 and set(everything["part"].to_pylist()) == {"row"}
    some = reading.rows["id"].to_pylist()[:3]
    pq.write_table(pa.table({"row": [*some, *some]}), tmp_path / "order.parquet")
    kept = read_by(sft, reading, tmp_path)
    assert kept["sample_id"].to_pylist() == some
    assert all(
        sample.endswith(problem[1:]) for sample, problem in zip(some, kept["problem_id"].to_pylist(), strict=True)
    )


def test_rows_that_a_stage_was_not_given_enter_no_lineage(reader, tmp_path):
    sft = step("sft", methods=["tutorship"])
    reading = reader.read(sft)
    for rows in (["sequence 0"], [reading.rows["id"][0].as_py(), "sequence 0"]):
        pq.write_table(pa.table({"row": rows}), tmp_path / "order.parquet")
        with pytest.raises(TrainingError, match=r"1 rows that it was not given .'sequence 0'."):
            read_by(sft, reading, tmp_path)
    pq.write_table(pa.table({"row": pa.array([], pa.string())}), tmp_path / "order.parquet")
    assert read_by(sft, reading, tmp_path).num_rows == 0
    write(tmp_path / "general.jsonl", "One.")
    weights = {"phases": [{"weights": {"general": 1}}], "general": str(tmp_path / "general.jsonl")}
    mixed = step("cpt", mixture=weights)
    pq.write_table(pa.table({"row": ["general 0"]}), tmp_path / "order.parquet")
    assert read_by(mixed, reader.read(mixed), tmp_path).num_rows == 0, "only general text was gone through"


def test_problems_of_the_release_name_the_rows_that_they_were_taken_from(lake, reader, tmp_path):
    problems = Arithmetic([1]).draw(6, seed=3)
    samples = [
        {"sample_id": f"{method}/{problem.id}", "attempt_id": "a", "night": "n", "method": method, "kind": "sft",
         "problem_id": problem.id, "task": problem.task, "source": "made", "origin": "rule", "messages": [], "response": "1"}
        for problem in problems for method in ("cot", "gold")
    ]  # fmt: skip
    accepted = [
        {"sample_id": row["sample_id"], "filter": "policy", "version": "1", "outcome": "accepted"} for row in samples
    ]
    tables = {
        "problems": table_of("problems", [problem_row(problem, split="train", night="n") for problem in problems]),
        "samples": table_of("samples", samples),
        "verdicts": table_of("verdicts", accepted),
    }
    lake.commit("more", "samples", tables)
    release = create_release(lake, "more", night="n", condition="night = 'n'")
    reader = replace(reader, release=release)
    rl = step("rl", methods=["cot"], limit=4)
    reading = reader.read(rl)
    read = read_by(rl, reading, tmp_path)
    assert read.num_rows == 4 and set(read["problem_id"].to_pylist()) == set(reading.rows["id"].to_pylist())
    assert all(sample.startswith("cot/") for sample in read["sample_id"].to_pylist())
    pq.write_table(pa.table({"problem_id": reading.rows["id"].slice(0, 2)}), tmp_path / "rollouts.parquet")
    assert read_by(rl, reading, tmp_path).num_rows == 2, "the problems that were really asked"
    assert reader.read(rl).digest == reading.digest != reader.read(step("rl", methods=["cot"], limit=4, seed=1)).digest


def test_drawn_problems_hold_no_benchmark_item(lake, reader):
    reading = reader.read(step("rl", problems="drawn", where="tier = 1"))
    assert reading.rows.num_rows >= 8
    hit = Problem("math_word", "made", f"{ITEM} Write it down.", "17", "other")
    clean = Problem("math_word", "made", "How long is the green rope?", "3", "third")
    assert reader.screening().clean_problems([hit, clean]) == [clean]


def test_a_corpus_is_read_beside_the_release_and_belongs_to_the_digest(reader, tmp_path):
    write(tmp_path / "texts.jsonl", "A first text.", "", "A second text.", f"A page says: {ITEM}")
    corpus = [{"path": "texts.jsonl"}]
    both = reader.read(step("cpt", corpus=corpus))
    alone = reader.read(step("cpt", corpus=corpus, rows="none"))
    assert both.rows.num_rows == 22 and alone.rows.num_rows == 2
    assert alone.rows["source"].to_pylist() == ["texts", "texts"]
    (facts,) = alone.corpora
    assert (facts["source"], facts["texts"], facts["left_out"]) == ("texts", 2, 1), "one holds a benchmark item"
    assert read_by(step("cpt", corpus=corpus, rows="none"), alone, tmp_path).num_rows == 0
    write(tmp_path / "texts.jsonl", "A first text.", "Another second text.")
    assert reader.read(step("cpt", corpus=corpus, rows="none")).digest != alone.digest
    assert reader.read(step("cpt", corpus=[{"path": "texts.jsonl", "limit": 1}], rows="none")).rows.num_rows == 1


def test_files_that_settings_name_belong_to_the_digest(reader, tmp_path):
    general = tmp_path / "general.jsonl"
    mixture = {"phases": [{"weights": {"rows": 0.5, "general": 0.5}}], "general": str(general)}
    write(general, "One.")
    before = reader.read(step("cpt", mixture=mixture)).digest
    write(general, "Two.")
    assert reader.read(step("cpt", mixture=mixture)).digest != before


@pytest.mark.parametrize(
    ("corpus", "message"),
    [
        ({"path": "none.jsonl"}, "train.plan.0.cpt.corpus.0: .*there is no such file"),
        ({"path": "texts.jsonl", "column": "body"}, "column = 'body': row 1 has no such text; it has text"),
        ({"path": "empty.jsonl"}, "holds no text"),
        ({"path": "bench.jsonl"}, "every text of bench holds a benchmark item"),
    ],
)
def test_a_corpus_that_cannot_be_read_is_a_sentence(reader, tmp_path, corpus, message):
    write(tmp_path / "texts.jsonl", "A text.")
    write(tmp_path / "bench.jsonl", ITEM)
    write(tmp_path / "empty.jsonl", " ")
    with pytest.raises(TrainingError, match=message):
        reader.read(step("cpt", corpus=[corpus]))


def test_a_stage_without_anything_to_read_says_what_it_looked_for(reader):
    with pytest.raises(TrainingError, match=r"sft \(rows of the release; none\) of set@2"):
        reader.read(step("sft", tasks=["none"]))
