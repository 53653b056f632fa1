"""The app's URL and token, from the arguments, the environment and the settings."""

import argparse
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from trading_app.client.errors import UsageError

TOKEN_VARIABLE = "TRADING_APP_TOKEN"

_TOKEN = re.compile(r"[!-~]+")
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}


class Settings(Protocol):
    """The settings of the app that the clients use."""

    @property
    def http_host(self) -> str: ...
    @property
    def http_port(self) -> int: ...
    @property
    def sidecar_url(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Target:
    """The app's URL, without a slash at its end, and the bearer token if one is needed."""

    url: str
    token: str | None = field(default=None, repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """The headers of each request."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that choose the app."""
    parser.add_argument("--url", help="the app's address (default: http://WEBAPP_HTTP_HOST:WEBAPP_HTTP_PORT)")
    parser.add_argument("--token", help=f"the app's bearer token, if it needs one (default: ${TOKEN_VARIABLE})")


def target(arguments: argparse.Namespace, settings: Settings, environment: Mapping[str, str] = os.environ) -> Target:
    """The app the arguments name, or else the settings. Raises UsageError."""
    url = arguments.url or address(settings.http_host, settings.http_port)
    token = arguments.token or environment.get(TOKEN_VARIABLE) or None
    if token and not _TOKEN.fullmatch(token):
        raise UsageError("the token has characters that a token can't have")
    return Target(url.rstrip("/"), token)


def address(host: str, port: int) -> str:
    """The URL of a listener on a host and port. A listener on all addresses is reached on loopback."""
    host = _ANY_ADDRESS.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
