"""The journal on disk: one SQLite database in WAL mode, written by one connection, read by others."""
