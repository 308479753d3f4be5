"""The control plane: run history, its Postgres store and the supervisor of an embedded Postgres.

Control handles typed commands and metadata and never touches rows. `velaria.control.ledger` is the
way in.
"""
