"""The suite's fixtures, for the long runs too."""

from tests.conftest import either, postgres_server, prefect_server

__all__ = ["either", "postgres_server", "prefect_server"]
