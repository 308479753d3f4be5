"""Checks of the project's own rules; each module is run by `make check` and by the tests in tests/contract."""
