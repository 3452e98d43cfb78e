"""Passwords are never shown."""

from flows.doctor.http import bare, masked

SECRET = "sk-very-secret-7731"


def test_passwords_are_masked_wherever_they_stand():
    text = masked(f"host=db password={SECRET} user=me; password='{SECRET} x'; postgresql://me:{SECRET}@db/lake is away")
    assert SECRET not in text and "host=db" in text and "postgresql://me:***@db/lake" in text
    assert bare(f"https://me:{SECRET}@host:1/api?key={SECRET}") == "https://host:1/api"
