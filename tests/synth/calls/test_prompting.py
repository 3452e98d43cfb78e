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


def test_a_method_brings_prompts_along(tmp_path, problems):
    write(tmp_path, "{{ problem.prompt }} In verse.", "verse")
    (tmp_path / "README.txt").write_text("no prompt")
    prompts = Prompts(folders=[tmp_path, tmp_path])  # two methods of one module
    assert prompts.text("verse", {"problem": problems[0]}).endswith("In verse.")
    assert set(prompts.digests) - set(Prompts().digests) == {"verse"}
    (tmp_path / "own").mkdir()
    other = Prompts(write(tmp_path / "own", "other", "verse"), [tmp_path])
    assert other.text("verse", {}) == "other" and other.digests["verse"] != prompts.digests["verse"]


def test_a_prompt_with_a_name_that_is_taken_is_refused(tmp_path):
    write(tmp_path, "mine")
    with pytest.raises(RecipeError, match=r"solve.jinja: the name 'solve' is taken by .*; give yours another name"):
        Prompts(folders=[tmp_path])
