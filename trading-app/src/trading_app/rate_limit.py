"""How many requests a caller may send: fixed windows, counted in memory.

A caller is the token it shows, where tokens are set, else the address it comes from.
"""

import math
import time
from collections.abc import Sequence

from limits import RateLimitItem, parse_many
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from starlette.types import ASGIApp, Receive, Scope, Send

from telemetry_stream.tokens import bearer_token, digest_of
from trading_app.access import OPEN_ROUTES, Call, Headers
from trading_app.answers import answer_problem
from trading_app.metrics import AppMetrics
from trading_app.problems import Problem
from trading_app.routes import send_answer


def parse_rates(written: str) -> list[RateLimitItem]:
    """The rates of a text such as `5000/second` or `100/second;20000/hour`, in the notation of the library `limits`.

    Raises ValueError.
    """
    rates = parse_many(written)
    if any(rate.get_expiry() <= 0 or rate.amount <= 0 for rate in rates):
        raise ValueError(written)
    return rates


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

    def in_front_of(self, app: ASGIApp, metrics: AppMetrics) -> ASGIApp:
        """The app, and the refusal of requests above the rate. It goes behind the access control."""

        async def limited(scope: Scope, receive: Receive, send: Send) -> None:
            problem = None
            if scope["type"] == "http":
                call = Call.of(scope)
                problem = self.refusal(call.path, call.headers, call.host)
            if problem is None:
                await app(scope, receive, send)
                return
            metrics.refusals[problem.code] += 1
            await send_answer(answer_problem(problem, scope["state"]["request_id"]), send)

        return limited

    def _seconds_left(self, rate: RateLimitItem, caller: str) -> int:
        left = self._limiter.get_window_stats(rate, caller).reset_time - time.time()
        if left > rate.get_expiry():  # the clock was set back
            self._limiter.clear(rate, caller)
            return 1
        return max(math.ceil(left), 1)
