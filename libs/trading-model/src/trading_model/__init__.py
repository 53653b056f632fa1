"""What the words mean: a trade and its fields, decimals, timestamps, the accounting. No I/O."""
