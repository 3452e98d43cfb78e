import storage


def test_every_public_name_is_there_and_sorted():
    assert storage.__all__ == sorted(storage.__all__)
    for name in storage.__all__:
        assert callable(getattr(storage, name)), name
