"""What a disk does that loses bits: files with a changed byte."""

from contextlib import closing
from pathlib import Path

import apsw


def change_byte(file: Path, place: int, bit: int = 0) -> None:
    """Change one bit of a byte, in place; the same again puts it right."""
    with file.open("r+b") as opened:
        opened.seek(place)
        byte = opened.read(1)[0]
        opened.seek(place)
        opened.write(bytes([byte ^ 1 << bit]))


def change_rows(file: Path, table: str) -> None:
    """Change one bit in the first page of SQLite's that has rows of a table. All of the file has to be in it."""
    with closing(apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        pages = "SELECT min(pgoffset + pgsize) FROM dbstat WHERE name = ? AND pagetype = 'leaf'"
        end: int = connection.execute(pages, (table,)).get
    change_byte(file, end - 20)
