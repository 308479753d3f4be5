"""Limits of the server: who may run how much at once, how often, how big and for how long."""
