"""Raises the limit of file descriptors, or lowers the number of connections to fit it."""

import resource

import structlog

from service_kit.connection.guarded_http import MAX_LINGERING
from service_kit.lifecycle.ending import StartFailed

log = structlog.get_logger(__name__)

OTHER_FILES = 256
"""Descriptors besides those of the served connections: the journal's, ZeroMQ's, connections being refused."""

MIN_OTHER_FILES = 96
"""Minimum of such descriptors, for a program with few subscribers and few readers."""


def make_room_for_connections(wanted: int, setting_prefix: str) -> int:
    """Raise this process's limit of descriptors as needed; give the number of connections that fit, at most `wanted`.

    Raises StartFailed if none fits. The usual soft limit is 1,024; beyond it accept() and open() fail, and requests
    would get a 500.
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
        log.warning("too few file descriptors", allowed=allowed, wanted=needed, connections=fitting, see=advice)
    return fitting


def connections_within(descriptors: int, wanted: int) -> int:
    """The number of connections that fit into this number of descriptors, at most `wanted`; 0 if none fits.

    Beside each served connection one may linger while it is refused, at most MAX_LINGERING of them.
    """
    spare = descriptors - MIN_OTHER_FILES
    if spare >= wanted + MAX_LINGERING:
        return wanted
    return max(min(wanted, max(spare - MAX_LINGERING, spare // 2)), 0)
