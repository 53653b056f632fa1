"""The socket that a program listens on."""

import errno
import socket

from service_kit.lifecycle.ending import StartFailed


def listen(host: str, port: int, unread_seconds: float, setting_prefix: str) -> socket.socket:
    """A bound, listening socket. Raises StartFailed, which names the settings to change.

    The settings are `PREFIX_HTTP_HOST` and `PREFIX_HTTP_PORT`, with the given prefix.
    """
    bare_host = host.strip("[]")
    listening = socket.socket(socket.AF_INET6 if ":" in bare_host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    _notice_vanished_clients(listening, unread_seconds)
    try:
        listening.bind((bare_host, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise StartFailed(_why_not(f"{host}:{port}", error, setting_prefix)) from error
    return listening


def url_of(listening: socket.socket) -> str:
    """The URL of a listening socket."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _why_not(place: str, error: OSError, setting_prefix: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{place} is in use: set {setting_prefix}_HTTP_PORT to a free port"
    reason = error.strerror or error
    return f"{place} can't be used ({reason}): see {setting_prefix}_HTTP_HOST and {setting_prefix}_HTTP_PORT"


def _notice_vanished_clients(listening: socket.socket, seconds: float) -> None:
    """Make the kernel end connections whose client vanished, within about that many seconds.

    Accepted sockets inherit the options. TCP_USER_TIMEOUT (RFC 5482) covers data that is not acknowledged; only Linux
    has it, other systems use their default times.
    """
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options = {
        "TCP_KEEPIDLE": max(int(seconds / 2), 1),
        "TCP_KEEPINTVL": max(int(seconds / 4), 1),
        "TCP_KEEPCNT": 2,
        # Two seconds later than the check of unread answers, so that this process drops and counts the connection.
        "TCP_USER_TIMEOUT": int(seconds * 1_000) + 2_000,
    }
    for name, value in options.items():
        option = getattr(socket, name, None)
        if option is not None:
            listening.setsockopt(socket.IPPROTO_TCP, option, value)
