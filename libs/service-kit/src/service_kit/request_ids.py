"""What a call is named, the same way in both apps. No I/O."""

import itertools
import re
import secrets

_GIVEN_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class RequestIds:
    """Names requests: as the caller does in `X-Request-ID`, if that can be used, else with a name of our own."""

    def __init__(self) -> None:
        self._process = secrets.token_hex(4)
        self._count = itertools.count(1)

    def name(self, given: bytes) -> str:
        """The request's id; `given` is what the header says, empty without one."""
        if given and _GIVEN_ID.fullmatch(given):
            return str(given, "ascii")
        return f"{self._process}-{next(self._count):x}"

    def make(self, count: int) -> list[bytes]:
        """So many names of our own."""
        process = self._process.encode()
        return [b"%b-%x" % (process, number) for number in itertools.islice(self._count, count)]
