"""Request ids: the caller's `X-Request-ID`, or a generated one. No I/O."""

import itertools
import re
import secrets

_GIVEN_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class RequestIds:
    """Gives each request an id: the caller's if it is 1 to 64 of A-Z a-z 0-9 . _ -, else a generated one.

    Generated ids are a random prefix of the process and a counter, so they differ between processes and restarts.
    """

    def __init__(self) -> None:
        self._process = secrets.token_hex(4)
        self._count = itertools.count(1)

    def name(self, given: bytes) -> str:
        """The request's id; `given` is the value of the header, empty without one."""
        if given and _GIVEN_ID.fullmatch(given):
            return str(given, "ascii")
        return f"{self._process}-{next(self._count):x}"

    def make(self, count: int) -> list[bytes]:
        """`count` generated ids."""
        process = self._process.encode()
        return [b"%b-%x" % (process, number) for number in itertools.islice(self._count, count)]
