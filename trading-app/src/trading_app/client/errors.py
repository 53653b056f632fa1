"""The clients' errors.

ClientError
├── UsageError    an argument is not valid                                exit code 2
├── FileError     the file can't be read as trades                        exit code 2
├── Refused       the app refused the request for good                    exit code 1
├── NotEmpty      the ledger has events that were not made up             exit code 1
└── Unreachable   no usable answer within the time allowed                exit code 1
"""

from collections.abc import Sequence

import msgspec


class ClientError(Exception):
    """Base of the clients' errors. The text is for the person at the terminal."""

    exit_code = 1


class UsageError(ClientError):
    """An argument is not valid."""

    exit_code = 2


class FileError(ClientError):
    """The file, or a line of it, can't be read as trades."""

    exit_code = 2


class NotEmpty(ClientError):
    """The ledger has events that were not made up, or gets some from another program."""


class Unreachable(ClientError):
    """No usable answer within the time allowed. Whether the last batch was written is not known."""


class Problem(msgspec.Struct, frozen=True):
    """One refused item of a request: its place from 0, a JSON pointer to the field, and why."""

    index: int | None = None
    pointer: str = ""
    detail: str = ""

    @property
    def field(self) -> str:
        """The field's name: the pointer without the item's place in front."""
        return self.pointer.removeprefix("#").removeprefix(f"/{self.index}").removeprefix("/")


class Refused(ClientError):
    """The app refused a request for good; nothing of it was written."""

    def __init__(self, status: int, detail: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(f"the app refused the request ({status}): {detail}")
        self.status = status
        self.detail = detail
        self.problems = problems
