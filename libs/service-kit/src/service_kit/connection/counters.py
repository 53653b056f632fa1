"""What the connection guards did, as plain numbers that a program's metrics show."""

from collections.abc import Iterable

DROPPED = ("silent", "unread", "refused_body", "address_share", "no_room")
"""Why connections are closed without an answer. silent: no request came. unread: the client does not read its answers.
refused_body: the body of a refused request does not end. address_share: its network has more strangers than its share.
no_room: all connections are in use, and this one has not shown a credential.
"""


class ConnectionCounters:
    """Counts since the start. Every label exists from the start, at 0: `increase()` misses a new series' first step."""

    def __init__(self, codes: Iterable[str]) -> None:
        """`codes` are the codes of the program's problems."""
        self.refused_requests = dict.fromkeys(codes, 0)
        self.dropped_connections = dict.fromkeys(DROPPED, 0)
