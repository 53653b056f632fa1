"""HTTP clients without certificates: to load those of the machine takes longer than a request."""

from typing import Any

import httpx

from tests.support.polling import PATIENCE_SECONDS


def open_client(base_url: str = "", **options: Any) -> httpx.Client:
    """A client that keeps its connections and cookies, and waits for an answer with the tests' patience."""
    return httpx.Client(base_url=base_url, trust_env=False, verify=False, timeout=PATIENCE_SECONDS, **options)


HTTP = open_client(limits=httpx.Limits(max_keepalive_connections=0))
"""One client for all tests and threads. Each request has a connection of its own, as with httpx.get."""
