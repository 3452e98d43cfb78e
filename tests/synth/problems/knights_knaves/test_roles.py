import pytest

from storage.errors import ProblemError
from synth.problems.knights_knaves.roles import closing_roles, read_assignment, read_roles, stated_roles
from synth.problems.knights_knaves.words import KNIGHTS, Words

NAMES = ("Zoey", "Oliver", "Max")


@pytest.mark.parametrize(
    "text",
    [
        "Zoey is a knave, Oliver is a knight and Max is a knight",
        "Zoey is not a knight, Oliver isn't a knave, Max is a knight.",
        "Zoey is definitely a knave; Oliver must be a knight; Max has to be a knight",
        "Zoey the knave, Oliver the knight, Max the knight",
        "Zoey knave, Oliver knight, Max knight",
        "Zoey cannot be a knight, so Oliver and Max are both knights",
        "Oliver & Max are knights, Zoey is a knave",
        "Oliver and Max aren't knaves; Zoey is a knave",
        "* Zoey: Knave\n* Oliver: Knight\n* Max: Knight",
        "1. **Zoey** — knave\n2. **Oliver** — knight\n3. **Max** — knight",
        "| Person | Role |\n|---|---|\n| Zoey | Knave |\n| Oliver | Knight |\n| Max | Knight |",
        '{"Zoey": "knave", "Oliver": "knight", "Max": "knight"}',
        "Knights: Oliver, Max; knaves: Zoey",
        "Zoey is a knave, Oliver is a knight, Max is a knight\nThis works, since a knight says it of Zoey.",
        "Zoey is a knave, Oliver is a knight, Max is a knight\nOliver is a knight, as the first statement says.",
    ],
)
def test_layouts_of_one_assignment(text):
    assert read_roles(text, NAMES) == (False, True, True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Zoey is a knave, Oliver is a knight",
        "Zoey is a knave, Oliver is a knight, Cal is a knight",
        "Zoey is a knave, Zoey is a knight, Max is a knight, Oliver is a knight",
        "If Zoey is a knave, then Oliver is a knight and Max is a knight",
        "Neither Zoey is a knave nor Oliver is a knight nor Max is a knight",
        "It is not so that Zoey is a knave, Oliver is a knight, Max is a knight",
        "Zoey is a knave or Oliver is a knight, Max is a knight",
        "Zoey says Oliver is a knight, Zoey is a knave, Max is a knight",
        "Zoey is a knave, Oliver is a knight, Max is a knight?",
        "Zoey is a knave, Oliver is a knight, Max is a knight or a knave",
        "Zoey is a knave, Oliver is a knight, Max is a knight\nMax is a knave",
        "One of them is a knight",
    ],
)
def test_what_names_no_assignment_for_sure(text):
    assert read_roles(text, NAMES) is None


def test_an_answer_without_a_mark_stands_at_the_end_for_sure():
    answer = "- Zoey is a knave\n- Oliver is a knight\n- Max is a knight"
    for response in (f"So:\n\n{answer}", f"So:\n\n{answer}\n\nThis fits every statement.", f"a</think>\n{answer}"):
        part = closing_roles(response, NAMES, KNIGHTS)
        assert part is not None and read_roles(part, NAMES) == (False, True, True)
    assert closing_roles(f"Suppose this:\n{answer}\n\nThat fits.", NAMES, KNIGHTS) is None
    assert closing_roles(f"{answer}\n\nThis contradicts Zoey.", NAMES, KNIGHTS) is None
    assert closing_roles(f"{answer}\n\nLet me go on.", NAMES, KNIGHTS) is None
    assert closing_roles("<think>Zoey is a knave", NAMES, KNIGHTS) is None


def test_a_gold_answer_has_names_roles_and_words():
    assert read_assignment("Ann is a knight, Ben is a knave") == (("Ann", "Ben"), (True, False), KNIGHTS)
    assert read_assignment("Ann is a sinner and Ben is a saint") == (
        ("Ann", "Ben"),
        (False, True),
        Words("saint", "sinner"),
    )
    with pytest.raises(ProblemError, match="names nobody's role"):
        read_assignment("Ann is tall")


def test_stated_roles_are_those_of_anybody():
    assert stated_roles("Cal is a knight, so dee must be a knave", KNIGHTS) == [("cal", True), ("dee", False)]
