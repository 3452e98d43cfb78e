from datetime import timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from flows.report.drawing import draw, table, text

LONG = "a long answer, " * 20
ROWS = [{"n": 1, "method": "cot", "response": LONG}, {"n": 20, "method": None, "response": "short\nand two lines"}]


def lines(rows, mode="auto", width=80):
    drawn, cut = draw(table(list(rows[0]), rows), mode, width)
    return list(drawn), cut


def test_few_rows_that_do_not_fit_stand_one_value_under_another():
    drawn, cut = lines(ROWS, width=40)
    assert drawn[0].startswith("── row 1") and not cut
    assert f"response  {LONG.rstrip()}" in drawn
    assert drawn[-2:] == ["response  short", "          and two lines"]


def test_many_rows_stand_side_by_side_and_what_is_cut_is_said():
    drawn, cut = lines(ROWS * 20)
    assert cut == ["response"] and all(len(line) <= 80 for line in drawn)
    assert drawn[2].startswith(" 1  cot ") and drawn[2].endswith("…")
    assert drawn[3].startswith("20  NULL") and drawn[3].endswith("short⏎and two lines")


def test_what_fits_is_not_cut():
    drawn, cut = lines([{"method": "cot", "rows": 12}, {"method": "gold", "rows": 3}])
    assert drawn == ["method  rows", "──────  ────", "cot       12", "gold       3"] and not cut


def test_more_columns_than_a_window_holds():
    row = {f"column_{number}": "value of some length" for number in range(30)}
    assert lines([row])[0][0].startswith("── row 1")
    drawn, cut = lines([row] * 30)
    assert len(cut) == 30 and len(drawn) == 32


def test_wide_characters_keep_the_columns_apart():
    drawn, _ = lines([{"a": "王小明", "b": "x"}, {"a": "abc", "b": "y"}])
    assert drawn[2:] == ["王小明  x", "abc     y"]


def test_no_rows_are_the_names():
    drawn, cut = draw(table(["a", "b"], []), "auto", 80)
    assert next(iter(drawn)).split() == ["a", "b"] and not cut


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "NULL"),
        (True, "true"),
        (0.1, "0.1"),
        (1e300, "1e+300"),
        (float("nan"), "nan"),
        (Decimal("12.50"), "12.50"),
        (b"\x00\xff", "\\x00ff"),
        ([1, None], "[1, null]"),
        ("\x1b[2J", "\\x1b[2J"),
        (timedelta(days=-1, hours=1), "-1 day 01:00:00"),
        (timedelta(seconds=90.5), "00:01:30.5"),
        (pa.MonthDayNano([14, 3, -1_000_000_000]), "1 year 2 months 3 days -00:00:01"),
    ],
)
def test_values_as_people_write_them(value, expected):
    assert text(value) == expected
