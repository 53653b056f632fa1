"""The names of the streams here."""

LEDGER = "trades"
"""Everything that people and bots say; kept for ever."""
