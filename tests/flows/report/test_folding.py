"""Rows that differ only in numbers and names are folded; what is unlike is shown first."""

from flows.report.folding import SHOWN, folded


def row(prompt: str, response: str = "") -> dict[str, str]:
    return {"prompt": prompt, "response": response}


def test_near_equal_rows_are_folded_and_none_is_lost():
    alike = [row(f"Ann has {n} books, sells 5 and finds 1. How many are left?", f"{n} - 5 = {n - 5}") for n in range(9)]
    other = row("ben says cal lies. who is a knight?", "Assume ben is a knight. Then cal lies.")
    first, rest = folded([*alike[:5], other, *alike[5:]])
    assert first == [alike[0], other]
    assert rest == [*alike[1:5], *alike[5:]]


def test_many_different_rows_stand_open_up_to_a_few():
    rows = [row(f"{word} {word}x {word}y") for word in ("apple", "river", "stone", "cloud", "grass")]
    first, rest = folded(rows)
    assert (first, rest) == (rows[:SHOWN], rows[SHOWN:])


def test_rows_without_text_are_alike():
    assert folded([row(""), row("")]) == ([row("")], [row("")])
    assert folded([]) == ([], [])
