"""The app as an import uses it: some calls of its API, over HTTP or over the pipe of a child process."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

LINES = "application/x-ndjson"
JSON = "application/json"


class RefusedItem(msgspec.Struct, frozen=True):
    """One refused item of a request: its place in it from 0, a JSON pointer, and why."""

    index: int | None = None
    pointer: str = ""
    detail: str = ""


class CallRefused(Exception):
    """The app refused a request for good; nothing of it was written."""

    def __init__(self, status: int, detail: str, items: Sequence[RefusedItem] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.items = items


class Unanswered(Exception):
    """No usable answer came within the time allowed. What was sent before is in the ledger."""


class Ledger(Protocol):
    """The app. Both calls raise CallRefused and Unanswered; they may be used by several threads."""

    def stop(self) -> None:
        """End the waiting of calls that are under way, and of later ones: they raise Unanswered."""

    def post(self, path: str, body: bytes, content_type: str) -> bytes:
        """The answer to a POST, which is sent again until there is one: only for what may be repeated."""

    def get(self, path: str) -> bytes:
        """The answer to a GET."""
