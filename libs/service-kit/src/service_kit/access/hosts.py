"""The hosts that an app answers to while it asks for no credential. No I/O.

Such an app listens on loopback, where this machine's programs reach it. A browser is one of them, and whoever owns a
name can have it lead to 127.0.0.1 (DNS rebinding): their page would then be of the app's own origin. What tells is the
header `Host` (RFC 9110, 7.2): a browser always sends the name it went to, and no page can change that.
"""

import re
from functools import lru_cache

from service_kit.settings import is_loopback

HOST_OF_A_CONTAINER = "host.docker.internal"
"""What a container calls this machine: Prometheus in one asks for figures there. Other calls don't take the name, as a
machine without containers asks its network who that is.
"""

_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(?::[0-9]*)?")


class OwnHosts:
    """The names and addresses of loopback, and what else is told."""

    def __init__(self, *others: str) -> None:
        """`others` are written as in a URL, `HOST` or `HOST:PORT`; all ports count."""
        self._others = {_host_of(other) for other in others} - {None}
        self.include = lru_cache(maxsize=64)(self._include)
        """Whether the header `Host` names one of them; so does none, which is `b""`: no browser sends that."""

    def _include(self, header: bytes) -> bool:
        if not header:
            return True
        host = _host_of(header.decode("latin-1"))
        return host is not None and (is_loopback(host) or host.endswith(".localhost") or host in self._others)


def _host_of(authority: str) -> str | None:
    found = _AUTHORITY.fullmatch(authority.lower())
    return found and found[1]
