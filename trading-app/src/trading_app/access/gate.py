"""Decides who may make which call, for the fast path and the ASGI path alike.

The service kit's gate checks API tokens and host names. This one adds ID tokens, in the same `Authorization` header,
and the session cookies of signed-in browsers.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from service_kit.access.gate import Attempt
from service_kit.access.gate import Gate as TokenGate
from service_kit.access.tokens import bearer_token, digest_of
from service_kit.clock import Clock
from service_kit.http_types import Headers
from service_kit.problems import Problem
from trading_app.access.call import OPEN_ROUTES, SAFE_METHODS, Call
from trading_app.access.caller import ANYBODY, Caller
from trading_app.access.id_provider import InvalidToken, NoKeys
from trading_app.access.sessions import Sessions
from trading_app.problems import TradeProblem

if TYPE_CHECKING:
    from trading_app.access.id_tokens import IdTokens

COOKIE = "trading_session"
MAX_COOKIES = 10


class Gate:
    """Admits callers with a credential; if none is set, callers that use one of the app's own host names."""

    def __init__(
        self,
        api_tokens: Sequence[str],
        public_url: str,
        id_tokens: "IdTokens | None",
        clock: Clock,
        of_hook: Callable[[Call], Caller | None] = lambda _call: None,
    ) -> None:
        """`public_url` is the origin that browsers know the app by; empty if it is not set.

        `of_hook` returns the caller of a call to a webhook, which has a secret of its own; None for other calls.
        """
        self._of_hook = of_hook
        self.sessions = Sessions(clock)
        self._public_origin = public_url.encode() or None
        public_host = public_url.partition("://")[2]
        self._gate = TokenGate("trading-app", "WEBAPP_API_TOKENS", api_tokens, clock, (public_host,))
        self._callers: dict[bytes, Caller] = {}
        self._id_tokens = id_tokens
        self.guarded = bool(self._gate.tokens) or id_tokens is not None

    def sender(self, headers: Headers, host: str) -> Caller | None:
        """The caller, if it may send trades and that is known without waiting; if None, call `caller`."""
        if not self.guarded:
            return ANYBODY if self._gate.is_own_host(headers.get(b"host", b"")) else None
        token = bearer_token(headers.get(b"authorization", b""))
        if not token:
            return None
        attempt = self._gate.attempt(token, host)
        caller = self._of_api_token(attempt) if attempt.scopes is not None else None
        if caller is None and self._id_tokens is not None:
            checked = self._id_tokens.known(attempt.digest)
            caller = checked.caller if checked else None
        return caller if caller is not None and "ingest" in caller.scopes else None

    def admits_for_good(self, headers: Headers) -> bool:
        """Whether an admission by `sender` never expires. An ID token does."""
        token = bearer_token(headers.get(b"authorization", b""))
        return not self.guarded or self._gate.tokens.scopes_of(digest_of(token)) is not None

    async def caller(self, call: Call) -> Caller:
        """The caller of a call. Raises Problem if the call is not allowed."""
        if call.path in OPEN_ROUTES:
            return ANYBODY
        if (hook := self._of_hook(call)) is not None:
            return hook
        if not self.guarded:
            host = call.headers.get(b"host", b"")
            self._gate.require_own_host(call.path, host, "WEBAPP_PUBLIC_URL or WEBAPP_API_TOKENS")
            _refuse_foreign_page(call)
            if call.is_simple and self.is_from_here(call.headers) is False:
                origin = call.headers.get(b"origin", b"another site")[:100].decode("latin-1")
                raise Problem("foreign_origin", f"a page of {origin} makes the browser send this; send JSON instead")
            return ANYBODY
        token = bearer_token(call.headers.get(b"authorization", b""))
        caller = await self.identify(token, call.host) if token else self._of_cookie(call)
        if not caller.scopes.intersection(call.scopes_needed):
            self._gate.require_scope(call.scopes_needed[0], caller.scopes)
        return caller

    async def identify(self, token: bytes, host: str) -> Caller:
        """The caller that a token belongs to. `host` is the address it comes from. Raises Problem."""
        attempt = self._gate.attempt(token, host)
        if attempt.scopes is not None:
            return self._of_api_token(attempt)
        if self._id_tokens is not None and token.count(b".") == 2:
            return await self._of_id_token(self._id_tokens, token, attempt)
        raise self._gate.refusal(attempt)

    def is_secure(self, call: Call) -> bool:
        """Whether the browser uses https, with the app itself or with a proxy in front."""
        own = call.headers.get(b"host", b"")
        return call.scheme == "https" or self._public_origin == b"https://" + own

    def cookie_name(self, call: Call) -> str:
        """The session cookie's name. The prefix `__Host-`, which needs https, stops other hosts from setting it."""
        return f"__Host-{COOKIE}" if self.is_secure(call) else COOKIE

    def session_key(self, call: Call) -> bytes:
        """The session cookie's value; empty without one. Of several, since others on this host may set some, a valid
        one.
        """
        name, keys = self.cookie_name(call).encode(), [b""]
        for part in call.headers.get(b"cookie", b"").split(b";"):
            given, _, value = part.strip().partition(b"=")
            if given == name:
                keys.append(value)
        return next((key for key in keys[:MAX_COOKIES] if self.sessions.find(key)), keys[-1])

    def is_from_here(self, headers: Headers) -> bool | None:
        """Whether a page of this app made the browser send the request; None if the headers don't say."""
        site, origin = headers.get(b"sec-fetch-site", b"none"), headers.get(b"origin")
        if site != b"none":
            return site == b"same-origin"
        if origin is None:
            return None
        return origin == self._public_origin or origin.partition(b"://")[2] == headers.get(b"host")

    def _of_api_token(self, attempt: Attempt) -> Caller:
        caller = self._callers.get(attempt.digest)
        if caller is None:
            entry = self._gate.tokens.find(attempt.digest)
            assert entry is not None, "it was found a moment ago"
            digest = attempt.digest.hex()
            name, own_id = f"token {digest[:8]}", f"token {digest[:16]}"
            caller = self._callers[attempt.digest] = Caller(name, entry.scopes, id=own_id, accounts=entry.accounts)
        return caller

    async def _of_id_token(self, id_tokens: "IdTokens", token: bytes, attempt: Attempt) -> Caller:
        """A valid ID token is accepted even while its network is throttled: nobody can guess a signature."""
        try:
            return (await id_tokens.check(token, attempt.digest)).caller
        except InvalidToken as error:
            raise self._gate.refusal(attempt, f"the ID token is not valid: {error}") from None
        except NoKeys as error:
            detail = f"the ID provider's keys are not available ({error}); API tokens still work"
            raise TradeProblem("keys_unavailable", detail, retry_after=30) from None

    def _of_cookie(self, call: Call) -> Caller:
        caller = self.sessions.find(self.session_key(call))
        if caller is None:
            raise self._gate.unauthorized("send the header 'Authorization: Bearer TOKEN', or sign in at /sign-in")
        here = self.is_from_here(call.headers)
        followed = call.method == "GET" and call.headers.get(b"sec-fetch-dest") == b"document"  # a link
        if not here and not followed and (here is False or call.method not in SAFE_METHODS):
            raise Problem("foreign_origin", "a session is valid only for this app's own pages; send a token")
        return caller


def _refuse_foreign_page(call: Call) -> None:
    """Refuse what a page of another site embeds or fetches. It may only link to the app. Raises Problem."""
    headers = call.headers
    embedded = headers.get(b"sec-fetch-site") == b"cross-site" and headers.get(b"sec-fetch-mode") != b"navigate"
    if embedded and b"origin" not in headers:
        raise Problem("foreign_origin", "a page of another site requests this; it may only link to it")
