"""A request, as far as access control needs it."""

from dataclasses import dataclass

from service_kit.http_types import Headers, Scope

OPEN_ROUTES = frozenset(
    ("/api/health", "/health", "/healthz", "/readyz", "/sign-in", "/sign-out", "/static/app.css", "/static/icon.svg")
)
"""Calls that need no credential."""

PAGES = ("/docs", "/history", "/import")
"""Pages that a browser is led back to once it has signed in, `/sign-in?page=history`. From all others it gets to /."""

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
"""Methods that only read."""


SAFELISTED = (b"", b"application/x-www-form-urlencoded", b"multipart/form-data", b"text/plain")
"""Media types of what a page of any site may send without asking (the Fetch standard, CORS-safelisted)."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request, as far as access control needs it. `host` is the caller's address; empty if it is unknown."""

    method: str
    path: str
    scheme: str
    headers: Headers
    host: str
    query: bytes = b""

    @classmethod
    def of(cls, scope: Scope) -> "Call":
        """The request that an ASGI scope describes."""
        host = (scope["client"] or ("",))[0]
        return cls(scope["method"], scope["path"], scope["scheme"], dict(scope["headers"]), host, scope["query_string"])

    @property
    def wants_page(self) -> bool:
        """Whether the caller is a browser that shows a page."""
        return b"text/html" in self.headers.get(b"accept", b"")

    @property
    def is_simple(self) -> bool:
        """Whether it does something, and a page of any site can make a browser send it without asking first."""
        kind = self.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        return self.method not in SAFE_METHODS and kind in SAFELISTED

    @property
    def scopes_needed(self) -> tuple[str, ...]:
        """The caller must have one of these scopes. What an event of another kind needs is known once it is read."""
        if self.method in SAFE_METHODS:
            return ("read",)
        if self.path == "/events":
            return ("ingest", "correct")
        if self.path.startswith("/hooks/"):
            return ("correct",)
        if self.path.startswith("/imports/") and self.path.endswith("/undo"):
            return ("correct",)
        if self.path in ("/trade", "/trades", "/known", "/known/events", "/imports") or self.path.startswith(
            "/imports/"
        ):
            return ("ingest",)
        return ("admin",)
