"""The connection, from bytes to a trade: the fast path of POST /trade and POST /trades."""
