"""Everything this package raises.

FilesError
├── FileRefused      a file can't be read; the message says what it is and what to do instead
├── MappingRefused   a mapping can't be used; the message names lines
└── UnreadableValue  the text of a cell is not a value of its kind
"""

from collections.abc import Sequence


class FilesError(Exception):
    """Base of this package's errors."""


class FileRefused(FilesError):
    """A file can't be read.

    The message is for people: what the file is, what to do instead, and the line where one is known.
    """


class MappingRefused(FilesError):
    """A mapping can't be used. Each line of the message names a line of the mapping and what is wrong there."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))


class UnreadableValue(FilesError, ValueError):
    """The text of a cell is not a value of its kind. The message quotes the text."""
