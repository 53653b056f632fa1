"""What keeps a stream: one package for each kind.

Modules:

    sqlite  one SQLite database a stream
"""
