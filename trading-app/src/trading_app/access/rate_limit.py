"""Limits the number of requests of each caller: fixed windows, counted in memory.

A caller is identified by its token if tokens are set, else by its address. Messages to webhooks are counted by hook,
and not before they are committed: what is above the rate then is kept, since few senders send a message again.
"""

import math
import time
from collections.abc import Callable, MutableMapping, Sequence

from limits import RateLimitItem
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from starlette.types import ASGIApp

from service_kit.access.tokens import bearer_token, digest_of
from service_kit.http_types import Headers, Receive, Scope, Send
from service_kit.problems import Problem
from service_kit.responses import answer_problem, send_answer
from trading_app.access.call import OPEN_ROUTES, Call


class RateLimit:
    """Counts each caller's requests, and refuses those above a rate. Health checks are never refused."""

    def __init__(self, rates: Sequence[RateLimitItem], *, by_token: bool) -> None:
        self._rates = rates
        self._by_token = by_token
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def refusal(self, path: str, headers: Headers, address: str) -> Problem | None:
        """Count an admitted request. The problem to answer if it is above a rate; else None."""
        if path in OPEN_ROUTES:
            return None
        token = bearer_token(headers.get(b"authorization", b"")) if self._by_token else b""
        return self.count(digest_of(token).hex() if token else address)

    def count(self, caller: str) -> Problem | None:
        """Count a request of a caller. The problem to answer if it is above a rate; else None."""
        for rate in self._rates:
            if not self._limiter.hit(rate, caller):
                seconds = self._seconds_left(rate, caller)
                return Problem("rate_limited", f"the maximum is {rate}; wait {seconds} s", retry_after=seconds)
        return None

    def in_front_of(
        self, app: ASGIApp, refusals: MutableMapping[str, int], is_counted_later: Callable[[str, str], bool]
    ) -> ASGIApp:
        """An ASGI layer that refuses requests above the rate, counted in `refusals` by code, and passes on the others.

        `is_counted_later` returns whether this is not the place to count a call, a method and a path. The layer belongs
        behind the access control.
        """

        async def limited(scope: Scope, receive: Receive, send: Send) -> None:
            problem = None
            if scope["type"] == "http" and not is_counted_later(scope["method"], scope["path"]):
                call = Call.of(scope)
                problem = self.refusal(call.path, call.headers, call.host)
            if problem is None:
                await app(scope, receive, send)
                return
            refusals[problem.code] += 1
            await send_answer(answer_problem(problem, scope["state"]["request_id"]), send)

        return limited

    def _seconds_left(self, rate: RateLimitItem, caller: str) -> int:
        left = self._limiter.get_window_stats(rate, caller).reset_time - time.time()
        if left > rate.get_expiry():  # the clock was set back
            self._limiter.clear(rate, caller)
            return 1
        return max(math.ceil(left), 1)
