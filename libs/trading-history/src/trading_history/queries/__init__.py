"""Questions to the store, a module each. They take a snapshot, read, and return plain structs.

Modules:

    keys      which keys of positions are wanted, and when they traded first and last
    trades    a search of fills, in the order of trading, with their corrections
    imports   imported files, newest first
"""
