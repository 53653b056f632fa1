"""The parts of ASGI that are used here, typed."""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for. Header names are in lower case, values of repeated headers joined by commas."""

    method: str
    path: str
    headers: dict[str, str]
    host: str = ""
    """The caller's address; empty where it has none."""

    @classmethod
    def of(cls, scope: Scope) -> "Request":
        """The request that an ASGI scope describes."""
        headers: dict[str, str] = {}
        for raw_name, raw_value in scope["headers"]:
            name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
            headers[name] = f"{headers[name]},{value}" if name in headers else value
        return cls(scope["method"], scope["path"], headers, (scope.get("client") or ("",))[0])

    def header(self, name: str) -> bytes:
        """A header's bytes; empty if there is none of that name."""
        return self.headers.get(name, "").encode("latin-1")


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered; the body may be in several pieces."""

    status: int
    content_type: str
    body: Sequence[bytes]
    headers: dict[str, str] = field(default_factory=dict)
