"""Who may make which call: decided here for every way a request may take.

A credential is an API token or an ID token in the header `Authorization`, or the cookie of a browser that signed in.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog

from service_kit.access.hosts import HOST_OF_A_CONTAINER, OwnHosts
from service_kit.access.token_throttle import TokenThrottle
from service_kit.access.tokens import Tokens, bearer_token, digest_of
from service_kit.http_types import Headers
from service_kit.problems import Problem
from trading_app.access.call import OPEN_ROUTES, SAFE_METHODS, Call
from trading_app.access.caller import ANYBODY, Caller
from trading_app.access.id_provider import InvalidToken, NoKeys
from trading_app.access.sessions import Sessions
from trading_app.problems import TradeProblem

if TYPE_CHECKING:
    from trading_app.access.id_tokens import IdTokens

log = structlog.get_logger(__name__)

REALM = 'Bearer realm="trading-app"'
COOKIE = "trading_session"
MAX_COOKIES = 10


class Gate:
    """Lets callers in that show a credential; where none is set, everybody who knows the app by a name of its own."""

    def __init__(self, api_tokens: Sequence[str], public_url: str, id_tokens: "IdTokens | None") -> None:
        """`public_url` is the origin that browsers know the app by; empty where it has none."""
        self.sessions = Sessions()
        self._public_origin = public_url.encode() or None
        self._tokens = Tokens(api_tokens)
        self._id_tokens = id_tokens
        self.guarded = bool(self._tokens) or id_tokens is not None
        public_host = public_url.partition("://")[2]
        self._hosts = OwnHosts(public_host)
        self._scraped_hosts = OwnHosts(public_host, HOST_OF_A_CONTAINER)
        self._slowing = TokenThrottle()

    def admits(self, headers: Headers, host: str) -> bool:
        """Whether the caller may send trades, as far as that can be told at once; else `caller` tells."""
        if not self.guarded:
            return self._hosts.include(headers.get(b"host", b""))
        token = bearer_token(headers.get(b"authorization", b""))
        if not token:
            return False
        digest = digest_of(token)
        scopes = self._tokens.scopes_of(digest)
        if scopes is None and self._id_tokens is not None:
            checked = self._id_tokens.known(digest)
            scopes = checked.caller.scopes if checked else None
        if scopes is None or "ingest" not in scopes or self._slowing.wait(host, digest):
            return False
        self._slowing.note_right(host, digest)
        return True

    def admits_for_good(self, headers: Headers) -> bool:
        """Whether what `admits` grants a caller holds as long as the app runs; an ID token's time comes to its end."""
        token = bearer_token(headers.get(b"authorization", b""))
        return not self.guarded or self._tokens.scopes_of(digest_of(token)) is not None

    async def caller(self, call: Call) -> Caller:
        """Who makes the call. Raises Problem where it may not be made."""
        if call.path in OPEN_ROUTES:
            return ANYBODY
        if not self.guarded:
            self._refuse_foreign_host(call)
            _refuse_foreign_page(call)
            return ANYBODY
        token = bearer_token(call.headers.get(b"authorization", b""))
        caller = await self.identify(token, call.host) if token else self._of_cookie(call)
        if call.scope_needed not in caller.scopes:
            needed = call.scope_needed
            challenge = f'{REALM}, error="insufficient_scope", scope="{needed}"'
            raise Problem(
                "forbidden",
                f"the scope {needed} is needed; this token has {', '.join(sorted(caller.scopes))}",
                headers={"WWW-Authenticate": challenge},
            )
        return caller

    async def identify(self, token: bytes, host: str) -> Caller:
        """Whose token it is that a caller at an address shows. Raises Problem."""
        digest = digest_of(token)
        wait = self._slowing.wait(host, digest)
        if wait:
            detail = f"wrong tokens come from your address; try again in {wait} seconds"
            raise Problem("too_many_attempts", detail, retry_after=wait)
        scopes = self._tokens.scopes_of(digest)
        if scopes is not None:
            caller = Caller(f"token {digest.hex()[:8]}", scopes)
        elif self._id_tokens is not None and token.count(b".") == 2:
            caller = await self._of_id_token(token, digest, host)
        else:
            if self._slowing.note_wrong(host, digest):
                log.warning("a token was refused", address=host)
            raise _unauthorized("the token is none of WEBAPP_API_TOKENS", "invalid_token")
        self._slowing.note_right(host, digest)
        return caller

    def _refuse_foreign_host(self, call: Call) -> None:
        hosts = self._scraped_hosts if call.path == "/metrics" else self._hosts
        if not hosts.include(call.headers.get(b"host", b"")):
            ways = "ask at 127.0.0.1, or set WEBAPP_PUBLIC_URL or WEBAPP_API_TOKENS"
            raise Problem("foreign_host", f"the header Host names none of the app's own hosts: {ways}")

    def is_secure(self, call: Call) -> bool:
        """Whether the browser speaks https with us, or with a proxy in front."""
        own = call.headers.get(b"host", b"")
        return call.scheme == "https" or self._public_origin == b"https://" + own

    def cookie_name(self, call: Call) -> str:
        """The cookie that holds the session. With `__Host-` no other host can have set it, which needs https."""
        return f"__Host-{COOKIE}" if self.is_secure(call) else COOKIE

    def session_key(self, call: Call) -> bytes:
        """What the cookie holds; empty without one. Of several (others on this host may set some) one that counts."""
        name, keys = self.cookie_name(call).encode(), [b""]
        for part in call.headers.get(b"cookie", b"").split(b";"):
            given, _, value = part.strip().partition(b"=")
            if given == name:
                keys.append(value)
        return next((key for key in keys[:MAX_COOKIES] if self.sessions.find(key)), keys[-1])

    def is_from_here(self, headers: Headers) -> bool | None:
        """Whether a page of ours made the browser send it; None where nothing tells."""
        site, origin = headers.get(b"sec-fetch-site", b"none"), headers.get(b"origin")
        if site != b"none":
            return site == b"same-origin"
        if origin is None:
            return None
        return origin == self._public_origin or origin.partition(b"://")[2] == headers.get(b"host")

    async def _of_id_token(self, token: bytes, digest: bytes, host: str) -> Caller:
        assert self._id_tokens is not None
        try:
            return (await self._id_tokens.check(token, digest)).caller
        except InvalidToken as error:
            if self._slowing.note_wrong(host, digest):
                log.warning("an ID token was refused", reason=str(error), address=host)
            raise _unauthorized(f"the ID token does not count: {error}", "invalid_token") from None
        except NoKeys as error:
            detail = f"the ID provider's keys can't be had ({error}); API tokens are taken as ever"
            raise TradeProblem("keys_unavailable", detail, retry_after=30) from None

    def _of_cookie(self, call: Call) -> Caller:
        caller = self.sessions.find(self.session_key(call))
        if caller is None:
            raise _unauthorized("send the header 'Authorization: Bearer TOKEN', or sign in at /sign-in")
        here = self.is_from_here(call.headers)
        followed = call.method == "GET" and call.headers.get(b"sec-fetch-dest") == b"document"  # a link
        if not here and not followed and (here is False or call.method not in SAFE_METHODS):
            raise Problem("foreign_origin", "a session counts only for this app's own pages; show a token")
        return caller


def _refuse_foreign_page(call: Call) -> None:
    """A page elsewhere may lead here by a link; what it embeds, or asks for without an Origin, it is not given."""
    headers = call.headers
    embedded = headers.get(b"sec-fetch-site") == b"cross-site" and headers.get(b"sec-fetch-mode") != b"navigate"
    if embedded and b"origin" not in headers:
        raise Problem("foreign_origin", "a page of another site asks for this; it may only lead here by a link")


def _unauthorized(detail: str, error: str = "") -> Problem:
    challenge = f'{REALM}, error="{error}"' if error else REALM
    return Problem("unauthorized", detail, headers={"WWW-Authenticate": challenge})
