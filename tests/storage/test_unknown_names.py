"""A name that there is not is answered with the nearest."""

from storage.unknown_names import unknown


def test_an_unknown_name_is_answered_with_the_nearest():
    assert (
        unknown("method", "tutership", ["cot", "tutorship"]) == "unknown method 'tutership'; did you mean 'tutorship'?"
    )
    assert unknown("method", "zzz", ["cot", "tutorship"]) == "unknown method 'zzz'; there are cot, tutorship"
