import pytest

from storage.errors import ProblemError
from synth.problems import open_source
from synth.problems.documents import cut

PARAGRAPH = "The lighthouse of Kell was built in 1871 by Ada Brown. It is forty metres high and has a red roof."


def test_a_text_is_cut_where_paragraphs_end_and_nothing_is_lost():
    text = "\n\n".join(f"{PARAGRAPH} Number {n}." for n in range(10))
    passages = cut(text, 20, 60)
    assert all(20 <= len(passage.split()) <= 60 for passage in passages) and len(passages) == 5
    assert " ".join(" ".join(passages).split()) == " ".join(text.split())
    long = " ".join(f"Sentence number {n} says something." for n in range(40))
    assert all(passage.endswith(".") for passage in cut(long, 5, 30)), "inside a paragraph where sentences end"
    assert all(len(passage.split()) <= 30 for passage in cut("word " * 300, 5, 30))
    assert cut("Too short.", 5, 30) == []
    assert cut(f"{PARAGRAPH}\n\nEnd.", 5, 21)[0].endswith("End."), "a short rest is joined"


def test_passages_of_a_folder_name_their_document(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "b.md").write_text(f"# Kell\n\n{PARAGRAPH}")
    (tmp_path / "sub" / "a.txt").write_text(f"{PARAGRAPH} And a pier.")
    (tmp_path / "c.txt").write_text(f"# Kell\n\n{PARAGRAPH}")
    (tmp_path / "d.pdf").write_bytes(b"\xff\xfe")
    source = open_source("documents", {"path": str(tmp_path), "least_words": 5, "most_words": 60, "license": "CC0-1.0"})
    drawn = source.draw(10, seed=1)
    assert [problem.attrs["document"] for problem in drawn] == ["b.md", "sub/a.txt"]
    assert {(problem.task, problem.license, problem.gold_source) for problem in drawn} == {
        ("passage", "CC0-1.0", "none")
    }
    assert [row.reason for row in source.dropped] == ["duplicate"]
    assert source.draw(10, seed=1, exclude=frozenset({drawn[0].structure_id})) == drawn[1:]


def test_what_holds_no_text_stops(tmp_path):
    for path, match in ((tmp_path / "none", "no such file"), (tmp_path, "no folder with files")):
        with pytest.raises(ProblemError, match=match):
            open_source("documents", {"path": str(path)}).draw(1, seed=1)
    (tmp_path / "x.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ProblemError, match=r"x.txt: not readable"):
        open_source("documents", {"path": str(tmp_path / "x.txt")}).draw(1, seed=1)
    (tmp_path / "x.txt").write_text("Short.")
    with pytest.raises(ProblemError, match="no text of 40 words"):
        open_source("documents", {"path": str(tmp_path / "x.txt")}).draw(1, seed=1)
