"""A request, as far as access goes."""

from dataclasses import dataclass

from service_kit.http_types import Headers, Scope

OPEN_ROUTES = frozenset(
    ("/health", "/healthz", "/readyz", "/sign-in", "/sign-out", "/static/app.css", "/static/icon.svg")
)
"""Calls that need no credential."""

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
"""Methods that only read."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request, as far as access goes. `host` is the caller's address, empty where it has none."""

    method: str
    path: str
    scheme: str
    headers: Headers
    host: str

    @classmethod
    def of(cls, scope: Scope) -> "Call":
        """The request that an ASGI scope describes."""
        host = (scope["client"] or ("",))[0]
        return cls(scope["method"], scope["path"], scope["scheme"], dict(scope["headers"]), host)

    @property
    def wants_page(self) -> bool:
        """Whether a browser makes it that shows a page."""
        return b"text/html" in self.headers.get(b"accept", b"")

    @property
    def scope_needed(self) -> str:
        """What the caller must be allowed to do."""
        if self.method in SAFE_METHODS:
            return "read"
        return "ingest" if self.path in ("/trade", "/trades") else "admin"
