"""From the bytes of a request to trades to commit, and from the outcome to an answer. No I/O."""
