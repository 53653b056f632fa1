"""What keeps a stream: one package for each kind.

sqlite  one SQLite database a stream
"""
