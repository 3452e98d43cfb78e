import pytest

from synth.methods import get_method
from tests.synth.methods.dialogue import run
from tests.synth.methods.test_choosing import by_number, right, wrong

ADACTRL = get_method("adactrl")


@pytest.mark.parametrize(
    ("right_ones", "tag", "extra"),
    [
        (16, "[Easy]", 0),
        (11, "[Easy]", 0),
        (10, "[Hard]", 4),  # 10 of 16 is .625, and the rule is strict
        (1, "[Hard]", 0),
    ],
)
async def test_the_tag_is_the_pass_rates_and_so_is_the_length(ledger, problems, right_ones, tag, extra):
    """Right answers of 0, 1, 2, ... lines more: the shortest, or the one of median length."""

    def answer(number):
        return (lambda request: right(request, "We think.\n" * number)) if number < right_ones else wrong

    engine = by_number(*(answer(number) for number in range(16)))
    rows, _ = await run(ledger, ADACTRL, problems[:1], ADACTRL.params(samples=16), student=engine)
    (taken,) = (row for row in rows if row["notes"].refused is None)
    assert taken["response"].startswith(f"{tag} ") and taken["response"].count("We think.") == extra
    assert taken["attrs"]["pass_rate"] == right_ones / 16 and taken["answer"] == problems[0].gold


async def test_what_is_never_solved_is_not_learned(ledger, problems):
    rows, _ = await run(ledger, ADACTRL, problems[:1], student=by_number(wrong))
    assert {row["notes"].refused for row in rows} == {"not_chosen"}
