import subprocess
import sys
from dataclasses import dataclass

import pytest

from storage.errors import RecipeError
from storage.registry import Registry


@dataclass(frozen=True)
class Knob:
    name: str


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """A folder with two knobs and a helper, and a package that adds more through entry points."""
    ours, theirs = tmp_path / "house_knobs", tmp_path / "their_knobs"
    for folder, files in (
        (
            ours,
            {"__init__": "", "red": "KNOB = Knob('red')", "blue": "KNOB = Knob('blue')", "base": "", "odd": "x = 1"},
        ),
        (theirs, {"__init__": "A, B = Knob('green'), Knob('other')\nnone = 3", "broken": "1 / 0"}),
    ):
        folder.mkdir()
        for name, text in files.items():
            (folder / f"{name}.py").write_text(f"from {__name__} import Knob\n{text}\n")
    info = tmp_path / "their_knobs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-knobs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[test.knobs]\ngreen = their_knobs:A\nyellow = their_knobs:B\nnothing = their_knobs:none\n"
        "broken = their_knobs.broken:A\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield Registry("knob", Knob, "test.knobs", folders=["house_knobs"], helpers=["base"], make_with="Knob(...)")
    for name in [name for name in sys.modules if name.partition(".")[0] in ("house_knobs", "their_knobs")]:
        del sys.modules[name]


def test_a_part_is_found_by_its_file_or_its_entry_point_without_its_siblings(registry):
    assert registry.names() == ["blue", "broken", "green", "nothing", "odd", "red", "yellow"]
    assert registry.get("red") == Knob("red")
    assert registry.get("red") is registry.get("red")
    assert "house_knobs.red" in sys.modules and "house_knobs.blue" not in sys.modules
    assert "their_knobs" not in sys.modules
    assert registry.get("green") == Knob("green")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("rde", "unknown knob 'rde'; did you mean 'red'?"),
        ("base", "unknown knob 'base'"),
        ("odd", "house_knobs.odd holds no knob called 'odd'"),
        ("nothing", r"nothing \(their_knobs:none\) names no knob; make one with Knob\(...\)"),
        ("broken", "knob 'broken' .* cannot be imported: ZeroDivisionError"),
        ("yellow", "calls itself 'other'; call both alike"),
    ],
)
def test_what_cannot_be_used_is_a_sentence(registry, name, sentence):
    with pytest.raises(RecipeError, match=sentence):
        registry.get(name)


def test_a_built_in_name_cannot_be_taken(tmp_path, registry):
    points = tmp_path / "their_knobs-1.0.dist-info" / "entry_points.txt"
    points.write_text("[test.knobs]\nred = their_knobs:A\n")
    assert registry.get("red") == Knob("red")
    with pytest.raises(RecipeError, match="takes the name of a knob of ours"):
        registry.all()


def test_a_part_that_cannot_say_its_name_is_what_its_file_calls_by_the_agreed_word(registry):
    knobs = Registry[Knob]("knob", Knob, "test.none", folders=["house_knobs"], helpers=["base"], attribute="KNOB")
    assert knobs.get("blue") == Knob("blue")
    with pytest.raises(RecipeError, match="holds no knob"):
        knobs.get("odd")


@pytest.mark.parametrize(
    ("ask", "siblings"),
    [
        ("from synth.methods import get_method; get_method('cot')", "synth.methods.tutorship"),
        ("from filters import get_filter; get_filter('length')", "filters.rules.near_duplicates"),
        ("from train_stages.stages import get_stage; get_stage('sft')", "train_stages.stages.rl"),
        ("from synth.problems import open_source; open_source('arithmetic')", "synth.problems.sources.knights_knaves"),
        ("from synth.problems import get_task; get_task('math_word')", "synth.problems.tasks.knights_knaves"),
    ],
)
def test_asking_for_one_part_imports_no_other(ask, siblings):
    code = f"import sys\n{ask}\nprint({siblings!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
