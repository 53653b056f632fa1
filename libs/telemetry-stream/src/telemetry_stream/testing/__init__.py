"""For tests: a stream in memory."""
