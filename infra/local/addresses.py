"""The addresses the apps will listen on: which settings they come from, and whether they are free."""

import errno
import socket
from contextlib import ExitStack
from dataclasses import dataclass

from service_kit.settings import Environment


@dataclass(frozen=True)
class Address:
    """A TCP address, and the settings that it comes from."""

    settings: tuple[str, ...]
    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """Where a client on this machine finds it; a server that listens everywhere is found on loopback."""
        loopback = {"0.0.0.0": "127.0.0.1", "::": "::1"}
        return f"http://{Address(self.settings, loopback.get(self.host, self.host), self.port)}"


def http_address(environment: Environment, app: str, defaults: dict[str, str]) -> Address:
    """Where `app` (WEBAPP, SIDECAR, ANALYTICS or FEED) answers HTTP. Raises SettingError for a bad port."""
    host, port = f"{app}_HTTP_HOST", f"{app}_HTTP_PORT"
    return Address(
        (port, host), _bare(environment.text(host, defaults[host])), environment.port(port, int(defaults[port]))
    )


def stream_addresses(environment: Environment, defaults: dict[str, str], app: str) -> list[Address]:
    """Where `app` (WEBAPP or FEED) publishes and answers replay, without endpoints that are files.

    Raises SettingError.
    """
    found = []
    for setting in (f"{app}_ZMQ_ADDR", f"{app}_REPLAY_ADDR"):
        scheme, _, rest = environment.address(setting, defaults[setting]).partition("://")
        host, _, port = rest.rpartition(":")
        if scheme == "tcp":
            found.append(Address((setting,), _bare(host), int(port)))
    return found


def _bare(host: str) -> str:
    return "0.0.0.0" if host == "*" else host.strip("[]")


def refusals(addresses: list[Address]) -> list[tuple[Address, str]]:
    """The addresses that can't be listened on now, each with the reason; two settings may also name the same one."""
    found = []
    with ExitStack() as held:  # all at once: the second of two equal ones is then in use
        for address in addresses:
            family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
            try:
                held.enter_context(socket.create_server((address.host, address.port), family=family))
            except OSError as error:
                in_use = error.errno == errno.EADDRINUSE
                found.append((address, "is in use" if in_use else f"can't be used ({error.strerror})"))
    return found
