"""Everything this package raises.

FilesError
├── FileRefused      a file can't be read; the message says what it is and what to do instead
└── UnreadableValue  the text of a cell is not a value of its kind
"""


class FilesError(Exception):
    """Base of this package's errors."""


class FileRefused(FilesError):
    """A file can't be read.

    The message is for people: what the file is, what to do instead, and the line where one is known.
    """


class UnreadableValue(FilesError, ValueError):
    """The text of a cell is not a value of its kind. The message quotes the text."""
