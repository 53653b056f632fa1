"""Limits guessing: each network may send MAX_WRONG different wrong tokens per minute. No I/O.

A repeated wrong token is not a new guess, so a program with an outdated token does not block its whole machine. A token
that the same address has sent correctly before is accepted even while its network waits.
"""

import ipaddress
import math
from functools import lru_cache
from typing import Any

from service_kit.clock import Clock

MAX_WRONG = 5
WINDOW_SECONDS = 60.0
MAX_NETWORKS = 1024
MAX_RIGHT = 4096


class TokenThrottle:
    """Counts wrong tokens per network. Memory is bounded: the oldest entry is dropped first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wrong: dict[str, dict[bytes, float]] = {}
        self._right: dict[tuple[str, bytes], None] = {}

    def wait(self, host: str, digest: bytes) -> int:
        """Seconds until this token may be checked; 0 for now."""
        if not self._wrong or (host, digest) in self._right:
            return 0
        wrong = self._recent(network_of(host))
        if len(wrong) < MAX_WRONG:
            return 0
        return max(1, math.ceil(min(wrong.values()) + WINDOW_SECONDS - self._clock.monotonic()))

    def note_right(self, host: str, digest: bytes) -> None:
        """Record that this token was right."""
        if (host, digest) not in self._right:
            _make_room(self._right, MAX_RIGHT)
            self._right[host, digest] = None

    def note_wrong(self, host: str, digest: bytes) -> bool:
        """Record that this token was wrong; False if it was recorded within the last minute already."""
        network = network_of(host)
        wrong = self._recent(network)
        if digest in wrong:
            return False
        if network not in self._wrong:
            _make_room(self._wrong, MAX_NETWORKS)
            self._wrong[network] = wrong
        wrong[digest] = self._clock.monotonic()
        return True

    def _recent(self, network: str) -> dict[bytes, float]:
        wrong, began = self._wrong.get(network, {}), self._clock.monotonic() - WINDOW_SECONDS
        for digest in [digest for digest, at in wrong.items() if at <= began]:
            del wrong[digest]
        if not wrong:
            self._wrong.pop(network, None)
        return wrong


@lru_cache(maxsize=1024)
def network_of(host: str) -> str:
    """What counts as one caller: an IPv4 address, or the /64 network of an IPv6 address.

    A single customer usually has a whole /64, so counting by IPv6 address would not limit anybody.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(address.ipv4_mapped or ipaddress.IPv6Address(int(address) >> 64 << 64))


def _make_room(kept: dict[Any, Any], maximum: int) -> None:
    while len(kept) >= maximum:
        del kept[next(iter(kept))]
