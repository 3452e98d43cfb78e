import pytest

from storage.errors import RecipeError
from synth.calls.prompting import Prompts


def write(folder, text, name="solve"):
    path = folder / f"{name}.jinja"
    path.write_text(text)
    return {name: path}


def test_a_plain_file_is_the_users_turn(problems):
    assert Prompts().messages("solve", {"problem": problems[0]})[0]["role"] == "user"


def test_blocks_give_a_system_turn(tmp_path):
    prompts = Prompts(write(tmp_path, "{% block system %}Be brief.{% endblock %}{% block user %}{{ q }}{% endblock %}"))
    assert prompts.messages("solve", {"q": "Why?"}) == (
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Why?"},
    )


def block(name, text="x"):
    return f"{{% block {name} %}}{text}{{% endblock %}}"


def test_worked_examples_are_earlier_turns_in_their_order(tmp_path):
    blocks = {
        "user": "4 * 4?",
        "reply_2": "9",
        "system": "Count.",
        "example_1": "2 * 2?",
        "reply_1": "4",
        "example_2": "3 * 3?",
    }
    prompts = Prompts(write(tmp_path, "\n".join(block(*item) for item in blocks.items())))
    turns = [(turn["role"], turn["content"]) for turn in prompts.messages("solve", {})]
    user, assistant = "user", "assistant"
    assert turns == [
        ("system", "Count."), (user, "2 * 2?"), (assistant, "4"), (user, "3 * 3?"), (assistant, "9"), (user, "4 * 4?"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "names",
    [["system"], ["user", "example_1"], ["user", "reply_1"], ["user", "example_1", "reply_2"], ["user", "answer"]],
)
def test_blocks_that_make_no_dialogue_are_refused_by_name(tmp_path, names):
    with pytest.raises(RecipeError, match=f"{sorted(names)[0]}.*right would be system, example_1"):
        Prompts(write(tmp_path, "".join(block(name) for name in names)))


def test_model_text_is_data_never_a_template(tmp_path):
    prompts = Prompts(write(tmp_path, "{{ attempt }}"))
    assert prompts.text("solve", {"attempt": "{{ 7 * 7 }} {% for x in y %}"}) == "{{ 7 * 7 }} {% for x in y %}"


@pytest.mark.parametrize(
    "text", ["{{ missing }}", "{{ q.__class__.__mro__ }}", "{{ q.append(1) }}", "{% include '/etc/passwd' %}"]
)
def test_what_a_prompt_may_not_do_is_an_error(tmp_path, text):
    with pytest.raises(RecipeError):
        Prompts(write(tmp_path, text)).text("solve", {"q": []})


def test_a_broken_template_names_its_file(tmp_path):
    with pytest.raises(RecipeError, match=r"solve\.jinja"):
        Prompts(write(tmp_path, "{% if %}"))


def test_unknown_and_missing_files_are_named(tmp_path):
    with pytest.raises(RecipeError, match="there is no prompt 'slove'; there are"):
        Prompts(write(tmp_path, "x", "slove"))
    with pytest.raises(RecipeError, match="does not exist"):
        Prompts({"solve": tmp_path / "gone.jinja"})


def test_the_digest_follows_the_words(tmp_path):
    first, second = Prompts(write(tmp_path, "a")).digests["solve"], Prompts(write(tmp_path, "b")).digests["solve"]
    assert first != second and first.startswith("solve@")


def test_a_method_brings_prompts_along_under_its_name(tmp_path, problems):
    write(tmp_path, "{{ problem.prompt }} In verse.", "verse")
    (tmp_path / "README.txt").write_text("no prompt")
    prompts = Prompts(folders={"poet": tmp_path, "bard": tmp_path})  # two methods of one folder
    assert prompts.of("poet")["verse"].text({"problem": problems[0]}).endswith("In verse.")
    assert set(prompts.digests) - set(Prompts().digests) == {"poet/verse", "bard/verse"}
    assert prompts.of("poet")["verse"].digest.startswith("poet/verse@")
    (tmp_path / "own").mkdir()
    other = Prompts({"poet/verse": write(tmp_path / "own", "other", "verse")["verse"]}, {"poet": tmp_path})
    assert other.of("poet")["verse"].text({}) == "other"
    assert other.digests["poet/verse"] != prompts.digests["poet/verse"]


def test_two_methods_may_use_one_name_and_both_see_the_shared_prompts(tmp_path):
    folders = {name: tmp_path / name for name in ("poet", "bard")}
    for name, folder in folders.items():
        folder.mkdir()
        write(folder, f"As a {name}.", "verse")
    prompts = Prompts(folders=folders)
    for name in folders:
        assert prompts.of(name)["verse"].text({}) == f"As a {name}."
        assert prompts.of(name)["solve"] is prompts["solve"]
        assert prompts.of(name)["poet/verse"] is prompts["poet/verse"], "another's by its full name"
    assert "verse" not in prompts.digests and "verse" not in prompts.of("tutorship")


def test_a_prompt_with_the_name_of_a_shared_one_is_refused(tmp_path):
    write(tmp_path, "mine")
    with pytest.raises(RecipeError, match=r"solve.jinja: 'solve' is the name .* all methods share; give yours another"):
        Prompts(folders={"poet": tmp_path})


def test_one_entry_of_a_recipe_replaces_prompts_for_itself(tmp_path):
    prompts = Prompts(path=lambda name: tmp_path / name)
    for name in ("correct", "solve"):
        write(tmp_path, f"Another {name}.", name)
    entry = prompts.of("tutorship", {"correct": "correct.jinja", "solve": "solve.jinja"})
    full = prompts.of("tutorship", {"tutorship/correct": "correct.jinja"})
    assert (
        entry["correct"].text({})
        == full["correct"].text({})
        == entry["tutorship/correct"].text({})
        == "Another correct."
    )
    assert entry["correct"].digest.startswith("tutorship/correct@")
    assert entry["solve"].text({}) == "Another solve." and entry["lesson_answer"] is prompts["tutorship/lesson_answer"]
    assert prompts.of("tutorship")["correct"] is prompts["tutorship/correct"]
    with pytest.raises(RecipeError, match=r"methods.tutorship.prompts.corect: there is no prompt 'corect'"):
        prompts.of("tutorship", {"corect": "correct.jinja"})


@pytest.mark.parametrize(("name", "now"), [("correct", "tutorship/correct"), ("judge_clarity", "judge/clarity")])
def test_a_flat_name_of_before_gets_the_one_it_has_now(tmp_path, name, now):
    write(tmp_path, "x", "clarity")
    with pytest.raises(RecipeError, match=rf"prompts.{name}: there is no prompt '{name}'; it is called {now}"):
        Prompts(write(tmp_path, "x", name), {"judge": tmp_path} if name != "correct" else {})


def test_what_is_asked_has_no_owner_in_it():
    """Engines that answer by rule go by it, so it is in their keys: it must not change with where a prompt lies."""
    assert {name: Prompts()[name].act for name in ("solve", "tutorship/correct")} == {
        "solve": "solve",
        "tutorship/correct": "correct",
    }
