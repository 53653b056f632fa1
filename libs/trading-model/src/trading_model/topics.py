"""The names of the streams."""

LEDGER = "trades"
"""The topic of everything that people and bots submit: trades and other events. Never deleted."""
