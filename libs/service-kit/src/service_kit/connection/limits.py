"""The limits of a connection that an operator may set."""

from dataclasses import dataclass

MAX_WAITING = 500
"""Requests of one connection that wait for their turn; each takes about 3 KB."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Times are in seconds. `setting_prefix` names the program's settings in messages: `WEBAPP`, `SIDECAR`."""

    setting_prefix: str
    max_connections: int
    header_seconds: float = 10.0
    body_seconds: float = 30.0
    unread_seconds: float = 20.0
    max_bodies_bytes: int = 1_048_576
    max_waiting: int = MAX_WAITING
