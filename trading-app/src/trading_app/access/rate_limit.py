"""How many requests a caller may send: fixed windows, counted in memory.

A caller is the token it shows, where tokens are set, else the address it comes from.
"""

import math
import time
from collections.abc import MutableMapping, Sequence

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
    """Counts every caller's requests, and refuses what is above a rate. Health is never refused."""

    def __init__(self, rates: Sequence[RateLimitItem], *, by_token: bool) -> None:
        self._rates = rates
        self._by_token = by_token
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def refusal(self, path: str, headers: Headers, address: str) -> Problem | None:
        """Why a request that may be made otherwise has to wait; None if it need not."""
        if path in OPEN_ROUTES:
            return None
        token = bearer_token(headers.get(b"authorization", b"")) if self._by_token else b""
        caller = digest_of(token).hex() if token else address
        for rate in self._rates:
            if not self._limiter.hit(rate, caller):
                seconds = self._seconds_left(rate, caller)
                return Problem("rate_limited", f"{rate} is the most; wait {seconds} s", retry_after=seconds)
        return None

    def in_front_of(self, app: ASGIApp, refusals: MutableMapping[str, int]) -> ASGIApp:
        """The app, and the refusal of requests above the rate, counted in `refusals` by code.

        It goes behind the access control.
        """

        async def limited(scope: Scope, receive: Receive, send: Send) -> None:
            problem = None
            if scope["type"] == "http":
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
