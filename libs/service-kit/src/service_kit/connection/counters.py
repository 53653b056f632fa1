"""What the guards of the connections did, as plain numbers that a program's metrics show."""

from collections.abc import Iterable

DROPPED = ("silent", "unread", "refused_body", "address_share", "no_room")
"""Why connections are closed without an answer: no request came; its answers are not read; the body of a request that
was refused does not end; its address has more connections without a credential than its share; all connections are
taken and this one has shown no credential.
"""


class ConnectionCounters:
    """Counts since the start. Every reason is there from the start: `increase()` does not see a series begin."""

    def __init__(self, codes: Iterable[str]) -> None:
        """`codes` are the codes of the program's problems."""
        self.refused_requests = dict.fromkeys(codes, 0)
        self.dropped_connections = dict.fromkeys(DROPPED, 0)
