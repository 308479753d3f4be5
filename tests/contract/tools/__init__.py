"""Checks of the project's own rules, run by `make check` and by the tests in tests/contract."""
