"""Everything this package raises.

FilesError
└── FileRefused  a file can't be read; the message says what it is and what to do instead
"""


class FilesError(Exception):
    """Base of this package's errors."""


class FileRefused(FilesError):
    """A file can't be read.

    The message is for people: what the file is, what to do instead, and the line where one is known.
    """
