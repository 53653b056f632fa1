"""The limits of a connection that an operator may set."""

from dataclasses import dataclass

MAX_WAITING = 500
"""Maximum of pipelined requests that wait on one connection; each takes about 3 KB."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Limits of one server's connections. Times are in seconds.

    `setting_prefix` names the program's settings in messages: `WEBAPP`, `SIDECAR`. `header_seconds` and `body_seconds`
    limit how long a client takes to send, `unread_seconds` how long it leaves answers unread. `max_bodies_bytes` is for
    all bodies being received together, `max_waiting` for the requests that wait on one connection.
    """

    setting_prefix: str
    max_connections: int
    header_seconds: float = 10.0
    body_seconds: float = 30.0
    unread_seconds: float = 20.0
    max_bodies_bytes: int = 1_048_576
    max_waiting: int = MAX_WAITING
