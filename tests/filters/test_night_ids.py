import numpy as np
import pytest

from filters.base import PASS, fail
from filters.findings import by_number, pass_but
from filters.night_ids import IdSet, NightIds, flags, lookup

IDS = ["a", "b1", "b1x", "çé", "数"]


def test_ids_are_found_by_bisection():
    ids = NightIds([IDS[:2], [], IDS[2:]])
    assert list(ids) == IDS and ids[1:3] == IDS[1:3] and ids[-1] == "数" and len(ids) == len(IDS)
    assert [ids.index(name) for name in IDS] == [0, 1, 2, 3, 4]
    for other in ("", "b", "b1y", "zz", "\ud800", None, 3):
        assert other not in ids
    with pytest.raises(ValueError, match="'b' is not the id"):
        ids.index("b")
    assert lookup(ids) is ids and lookup(IDS) == frozenset(IDS)
    assert "a" not in NightIds([])


def test_a_set_of_ids():
    ids = NightIds([IDS])
    chosen = IdSet(ids, np.array([True, False, True, False, True]))
    assert list(chosen) == ["a", "b1x", "数"] and len(chosen) == 3
    assert [name in chosen for name in (*IDS, "c", None)] == [True, False, True, False, True, False, False]
    for given in (chosen, frozenset(chosen)):
        assert flags(ids, given).tolist() == [1, 0, 1, 0, 1]
    assert flags(ids, None).tolist() == [1] * 5


@pytest.mark.parametrize("ids", [IDS, NightIds([IDS])])
def test_findings_of_few_and_of_many_rows(ids):
    few = pass_but(ids, {"b1": fail("x")})
    assert dict(few) == {**dict.fromkeys(IDS, PASS), "b1": fail("x")} and len(few) == 5
    many = by_number(ids, lambda number: fail("x", number=number))
    assert [many[name].detail["number"] for name in IDS] == [0, 1, 2, 3, 4]
    assert many.keys() == set(IDS) and "c" not in many
