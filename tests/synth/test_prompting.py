import pytest

from storage.errors import RecipeError
from synth.prompting import Prompts


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
    with pytest.raises(RecipeError, match="no such prompt"):
        Prompts(write(tmp_path, "x", "slove"))
    with pytest.raises(RecipeError, match="does not exist"):
        Prompts({"solve": tmp_path / "gone.jinja"})


def test_the_digest_follows_the_words(tmp_path):
    one, other = Prompts(write(tmp_path, "a")).digests["solve"], Prompts(write(tmp_path, "b")).digests["solve"]
    assert one != other and one.startswith("solve@")
