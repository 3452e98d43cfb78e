"""Values of settings in errors: an address in them may hold a password, and is not repeated."""


def shown_value(value: object) -> str:
    """Return a value as an error shows it; of an address with a user, a query or a fragment only that it is one."""
    text = repr(value)
    return "an address with a user, a password or a query" if "://" in text and set("@?#") & set(text) else text
