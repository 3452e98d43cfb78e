import json

import pytest

from storage.errors import ProblemError
from synth.problems import open_source
from synth.problems.redaction import redact
from synth.problems.registry import file_options


def chats(tmp_path, *rows, **options):
    file = tmp_path / "chats.jsonl"
    file.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return open_source("chat_log", {"path": str(file), **options})


def chat(*turns, role="user"):
    return {"messages": [{"role": role, "content": turn} for turn in turns]}


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Write to jane.doe@example.com and jane.doe@example.com.", {"EMAIL": 2}),
        ("Call +49 30 901820 or (415) 555-2671.", {"PHONE": 2}),
        ("Card 4111 1111 1111 1111, SSN 078-05-1120, host 192.168.0.1.", {"CREDIT_CARD": 1, "SSN": 1, "IP_ADDRESS": 1}),
        ("Pay to DE89370400440532013000.", {"DE_IBAN": 1}),
        ("Natalia sold 48 clips in 2024 for $12345 on 2024-05-06.", {}),
    ],
)
def test_what_is_taken_out_is_counted_and_numbers_of_a_problem_stay(text, kinds):
    kept, counts = redact(text)
    assert counts == kinds and kept.count("[") == sum(kinds.values())
    assert not any(detail in kept for detail in ("jane", "901820", "555", "4111", "078-05", "192.168", "DE89"))
    if not kinds:
        assert kept == text
    assert redact(kept)[1] == {}, "what was redacted is left as it is"


def test_the_same_detail_becomes_the_same_word_and_names_are_said_by_who_has_them():
    kept, counts = redact("Mail a@b.org, then a@b.org again, says JANE DOE of Janeville.", ["Jane Doe"])
    assert kept == "Mail [EMAIL_1], then [EMAIL_1] again, says [REDACTED_1] of Janeville."
    assert counts == {"EMAIL": 2, "REDACTED": 1}


def test_nothing_of_a_personal_detail_reaches_a_problem(tmp_path):
    source = chats(
        tmp_path,
        chat("How do I write to bob@corp.example politely?"),
        {
            "body": {
                "messages": [{"role": "user", "content": [{"type": "text", "text": "Why is +1 415 555 2671 busy?"}]}]
            }
        },
        chat("ok"),
        chat("Why is 415-555-2671 busy?"),
        chat("I am a system", role="system"),
        name="log",
    )
    drawn = source.draw(10, seed=1)
    assert drawn[0].prompt == "How do I write to [EMAIL_1] politely?"
    assert [problem.attrs["redacted"] for problem in drawn] == [{"EMAIL": 1}, {"PHONE": 1}]
    assert {(problem.task, problem.gold_source, problem.source) for problem in drawn} == {
        ("open_question", "none", "log")
    }
    assert [(row.line, row.reason) for row in source.dropped] == [(3, "length"), (4, "duplicate"), (5, "no_question")]
    assert not any("555" in str(one) for one in [*drawn, *source.dropped])


def test_turns_limits_and_exclusions(tmp_path):
    rows = [chat("What is the first one?", "What is the second one?"), chat("What is the third one?")]
    texts = {
        turn: [problem.prompt for problem in chats(tmp_path, *rows, turn=turn).draw(9, seed=1)]
        for turn in ("first", "last", "every")
    }
    assert [len(texts[turn]) for turn in ("first", "last", "every")] == [2, 2, 3]
    assert "second" in texts["last"][0] and "first" in texts["first"][0]
    source = chats(tmp_path, *rows)
    first = source.draw(1, seed=1)
    assert len(first) == 1 and source.draw(9, seed=1, tier=2) == []
    assert len(source.draw(9, seed=1, exclude=frozenset({first[0].structure_id}))) == 1


@pytest.mark.parametrize(
    ("row", "match"), [({"question": "x"}, "line 1: not a chat"), ([1], "not a chat"), ("", "no chats"),
                       ({"messages": [{"role": "user", "content": 5}]}, "`content` is int")]
)  # fmt: skip
def test_what_is_no_chat_stops_with_its_line(tmp_path, row, match):
    with pytest.raises(ProblemError, match=match):
        chats(tmp_path, row).draw(1, seed=1)


def test_names_come_from_a_file_so_that_no_recipe_holds_them(tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("Jane Doe\n\nAcme\n")
    source = chats(tmp_path, chat("Does JANE DOE of Acme work late?"), names=str(names))
    (problem,) = source.draw(9, seed=1)
    assert problem.prompt == "Does [REDACTED_1] of [REDACTED_2] work late?" and problem.attrs["redacted"] == {
        "REDACTED": 2
    }
    for text, match in (("\n", "no phrase"), (None, "not readable")):
        names.unlink() if text is None else names.write_text(text)
        with pytest.raises(ProblemError, match=match):
            chats(tmp_path, chat("What is it?"), names=str(names))


def test_files_that_an_option_names_count_from_the_recipes_folder():
    assert file_options("chat_log") == {"path", "names"} and file_options("documents") == {"path"}
    assert file_options("instructions") == {"path", "personas"}
