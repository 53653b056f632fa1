"""Which connections are open, and which one closes when all are in use. No I/O.

A connection is a stranger until a request on it passes the access control; health checks do not count. A new connection
is refused only if no stranger can be closed for it. Closed is the oldest stranger of the same network if that has used
its share, else the oldest stranger of the network with the most. So a caller with a credential always gets in, however
many connections others hold without one: its first request arrives at once and ends its time as a stranger. In a
program without credentials every request except health checks counts, so silent connections still differ from senders
and scrapers.
"""

from typing import Generic, NamedTuple, TypeVar

C = TypeVar("C")

SHARE = 4
"""A network may hold a quarter of all connections as strangers."""

MIN_SHARE = 16
"""Minimum of that share: a browser opens several connections at once, each a stranger at first."""

MAX_TRUSTED = 1_024
"""Maximum of networks remembered for a valid credential; their strangers are closed last."""


class Decision(NamedTuple, Generic[C]):
    """Whether a new connection may stay, and which one to close for it; `reason` is one of `counters.DROPPED`."""

    admitted: bool
    evicted: C | None = None
    reason: str = ""


class Admission(Generic[C]):
    """The open connections of a server, at most `max_connections`."""

    def __init__(self, max_connections: int) -> None:
        self.max_connections = max_connections
        self.max_strangers = min(max(max_connections // SHARE, MIN_SHARE), max_connections)
        self._networks: dict[C, str] = {}
        self._strangers: dict[str, dict[C, None]] = {}
        self._trusted: dict[str, None] = {}

    @property
    def open(self) -> int:
        """The number of connections that are open."""
        return len(self._networks)

    def enter(self, connection: C, network: str) -> Decision[C]:
        """Decide about a new connection from a network, and count it if admitted. The caller closes the evicted one."""
        decision = self._decide(network)
        if decision.evicted is not None:
            self.leave(decision.evicted)
        if decision.admitted:
            self._networks[connection] = network
            self._strangers.setdefault(network, {})[connection] = None
        return decision

    def trust(self, connection: C) -> None:
        """Record that a request on the connection passed the access control."""
        network = self._networks.get(connection)
        if network is None:
            return  # evicted before its request was checked
        self._forget_stranger(connection, network)
        if network not in self._trusted:
            if len(self._trusted) >= MAX_TRUSTED:
                del self._trusted[next(iter(self._trusted))]
            self._trusted[network] = None

    def leave(self, connection: C) -> None:
        """The connection is closed. Idempotent."""
        network = self._networks.pop(connection, None)
        if network is not None:
            self._forget_stranger(connection, network)

    def _decide(self, network: str) -> Decision[C]:
        own = self._strangers.get(network, {})
        if len(own) >= self.max_strangers:
            return Decision(True, next(iter(own)), "address_share")
        if len(self._networks) < self.max_connections:
            return Decision(True)
        if not self._strangers:
            return Decision(False)
        # Networks without a valid credential first (True sorts above False), then the one with the most strangers.
        heaviest = max(self._strangers, key=lambda one: (one not in self._trusted, len(self._strangers[one])))
        return Decision(True, next(iter(self._strangers[heaviest])), "no_room")

    def _forget_stranger(self, connection: C, network: str) -> None:
        strangers = self._strangers.get(network)
        if strangers is not None and connection in strangers:
            del strangers[connection]
            if not strangers:
                del self._strangers[network]
