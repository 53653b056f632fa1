"""The host names that a program without credentials answers to. No I/O.

Such a program listens on loopback, where any program of this machine can reach it, browsers included. An attacker can
point a name of their own at 127.0.0.1 (DNS rebinding); their page then has the same origin as the program. The header
`Host` exposes this (RFC 9110, 7.2): a browser always sends the name it used, and no page can change it.
"""

import re
from functools import lru_cache

from service_kit.settings import is_loopback

HOST_OF_A_CONTAINER = "host.docker.internal"
"""A container's name for this machine: a containerised Prometheus scrapes under it. Accepted for the scraped path only:
on a machine without containers, the local network decides what the name resolves to.
"""

_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(?::[0-9]*)?")


class OwnHosts:
    """The names and addresses of loopback, and those given."""

    def __init__(self, *others: str) -> None:
        """`others` are written as in a URL, `HOST` or `HOST:PORT`; all ports count."""
        self._others = {_host_of(other) for other in others} - {None}
        self.include = lru_cache(maxsize=64)(self._include)
        """Whether the header `Host` names one of them. A missing header (`b""`) does: browsers always send it.

        The cache saves the regular expression: a client sends the same header each time.
        """

    def _include(self, header: bytes) -> bool:
        if not header:
            return True
        host = _host_of(header.decode("latin-1"))
        return host is not None and (is_loopback(host) or host.endswith(".localhost") or host in self._others)


def _host_of(authority: str) -> str | None:
    found = _AUTHORITY.fullmatch(authority.lower())
    return found and found[1]
