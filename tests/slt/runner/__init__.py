"""A sqllogictest runner: reads `.slt` files, runs their records on one engine, compares rows.

`python -m tests.slt.runner tests/slt` runs from the checkout's root; README.md beside this file
gives the format.
"""
