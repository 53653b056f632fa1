"""The names of the streams."""

LEDGER = "trades"
"""The topic of everything that people and bots submit: trades and other events. Never deleted."""

MARKET_DATA = "market-data-raw"
"""The topic of what venues publish. Removed after a time."""

MARKET_DATA_FOLDER = "market-data"
"""The folder of its journal, in DATA_DIR."""
