"""File descriptors: have enough for the connections, or have fewer connections."""

import resource

import structlog

from service_kit.connection.guarded_http import MAX_LINGERING
from service_kit.lifecycle.ending import StartFailed

log = structlog.get_logger(__name__)

OTHER_FILES = 256
"""Descriptors beside those of the connections that are served: a journal's, ZeroMQ's, connections being refused."""

MIN_OTHER_FILES = 96
"""What a program needs of those with few subscribers and few readers."""


def make_room_for_connections(wanted: int, setting_prefix: str) -> int:
    """Raise the limit of this process as far as the system lets it; the number of connections that it allows, at most
    `wanted`. Raises StartFailed where it allows none.

    The usual limit, 1,024, is meant for small programs. Past it accept() and open() fail: requests would get a 500.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + OTHER_FILES
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    fitting = connections_within(allowed, wanted)
    if fitting < 1:
        raise StartFailed(f"the limit of open files is {allowed}: raise it (ulimit -Hn) above {MIN_OTHER_FILES + 1}")
    if fitting < wanted:
        advice = f"{setting_prefix}_MAX_CONNECTIONS, ulimit -Hn"
        log.warning("few file descriptors", allowed=allowed, wanted=needed, connections=fitting, see=advice)
    return fitting


def connections_within(descriptors: int, wanted: int) -> int:
    """How many connections may be served with so many descriptors; 0 where none can be.

    As many that are being refused linger beside them, at most MAX_LINGERING.
    """
    spare = descriptors - MIN_OTHER_FILES
    if spare >= wanted + MAX_LINGERING:
        return wanted
    return max(min(wanted, max(spare - MAX_LINGERING, spare // 2)), 0)
