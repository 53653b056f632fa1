"""Posts batches to the app until each has a final answer.

Posting again is safe: the app recognises each trade by its id, and writes a batch as a whole or not at all.
"""

import math
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial

import httpx
import msgspec

from telemetry_stream.backoff import backoff
from trading_app.client.errors import Problem, Refused, Unreachable, UsageError
from trading_app.client.tally import Receipt
from trading_app.client.target import Target

_TIMEOUT = httpx.Timeout(30.0, connect=5.0)


class _ProblemDocument(msgspec.Struct):
    detail: str = ""
    title: str = ""
    errors: list[Problem] = []
    errors_omitted: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed attempt that may be retried: the reason, and the seconds to wait that the app asked for."""

    reason: str
    retry_after: float = 0.0


def is_retryable(status: int) -> bool:
    """Whether the same request may succeed later: rate limited, timed out, or an error on the app's side."""
    return status in (408, 425, 429) or status >= 500


client_backoff = partial(backoff, 0.1, cap=10.0)
"""Waits before the retries, in seconds: from 0.1 to 10."""


class Delivery:
    """A connection to the app; a context manager.

    `max_wait` is the maximum time for a batch to get a good answer, in seconds; None: no limit. `on_failure` is called
    with each failed attempt. The waits between attempts come from `delays`, and are at least the app's Retry-After.
    """

    def __init__(
        self,
        target: Target,
        max_wait: float | None = None,
        on_failure: Callable[[Failure], object] = bool,
        delays: Callable[[], Iterator[float]] = client_backoff,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url = target.url
        self._max_wait = math.inf if max_wait is None else max_wait
        self._on_failure = on_failure
        self._delays = delays
        self._clock = clock
        self._sleep = sleep
        self._client = connect(target)

    def __enter__(self) -> "Delivery":
        return self

    def __exit__(self, *exception: object) -> None:
        self._client.close()

    def ping(self) -> None:
        """Check that something answers at the URL. Raises Unreachable."""
        try:
            self._client.get(f"{self._url}/healthz")
        except httpx.RequestError as error:
            reason = f"no app answers at {self._url} ({describe(error)})"
            raise Unreachable(f"{reason}; start it with `make apps-up`, then retry") from None

    def post(self, body: bytes) -> Receipt:
        """Post NDJSON until it is accepted. Raises Refused, or Unreachable after `max_wait` seconds."""
        answer = self.deliver("/trades", body, {"Content-Type": "application/x-ndjson"})
        try:
            return msgspec.json.decode(answer, type=Receipt)
        except msgspec.DecodeError:
            raise Refused(200, f"what answers at {self._url} is not the trading app") from None

    def deliver(self, path: str, body: bytes, headers: Mapping[str, str], method: str = "POST") -> bytes:
        """Send a body to a path until it is accepted; the answer's body.

        Only for requests that may be sent again. Raises Refused, or Unreachable after `max_wait` seconds.
        """
        deadline = self._clock() + self._max_wait
        delays = self._delays()
        while isinstance(outcome := self._attempt(method, path, body, headers), Failure):
            self._on_failure(outcome)
            delay = max(next(delays), outcome.retry_after)
            if self._clock() + delay > deadline:
                raise Unreachable(f"gave up after {self._max_wait:g} s: {outcome.reason}")
            self._sleep(delay)
        return outcome

    def _attempt(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> bytes | Failure:
        try:
            response = self._client.request(method, f"{self._url}{path}", content=body, headers=headers)
        except httpx.RequestError as error:
            return Failure(f"no answer from {self._url} ({describe(error)})")
        if is_retryable(response.status_code):
            reason = f"the app answers {response.status_code}: {_detail(response)}"
            return Failure(reason, retry_after(response.headers.get("Retry-After", "")))
        if not response.is_success:
            raise refusal(response)
        return response.content


def connect(target: Target) -> httpx.Client:
    """A client of the app, to be closed. Raises UsageError if the URL is not one."""
    # The environment's TLS authorities apply to the app; its proxies and .netrc do not, hence trust_env=False.
    verify = ssl.create_default_context() if target.url.startswith("https:") else False
    _check(target.url)
    return httpx.Client(headers=target.headers, timeout=_TIMEOUT, trust_env=False, verify=verify)


def retry_after(header: str, now: Callable[[], float] = time.time) -> float:
    """The seconds in a Retry-After header, a number or a date; 0 if it is not valid, at most an hour."""
    try:
        seconds = float(header) if header.isdecimal() else parsedate_to_datetime(header).timestamp() - now()
    except (ValueError, OverflowError):
        return 0.0
    return min(max(0.0, seconds), 3_600.0)


def refusal(response: httpx.Response) -> Refused:
    """What the app says of a request that it refused for good."""
    detail, document = _detail(response), _document(response)
    if response.status_code in (401, 403):
        detail += "; give the app's token with --token or TRADING_APP_TOKEN"
    omitted = [Problem(detail=f"and {document.errors_omitted} more")] if document.errors_omitted else []
    return Refused(response.status_code, detail, [*document.errors, *omitted])


def _detail(response: httpx.Response) -> str:
    document = _document(response)
    return document.detail or document.title or response.reason_phrase or "no reason given"


def _document(response: httpx.Response) -> _ProblemDocument:
    try:
        return msgspec.json.decode(response.content, type=_ProblemDocument)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _ProblemDocument()


def _check(url: str) -> None:
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL:
        parts = httpx.URL("")
    complete = parts.scheme in ("http", "https") and parts.host and (parts.port or 80) < 65_536
    if not complete or parts.query or parts.fragment or len(url.split()) > 1:
        raise UsageError(f"--url {url!r} is not an address like http://127.0.0.1:8000")


def describe(error: httpx.HTTPError) -> str:
    """The error in words."""
    return str(error) or type(error).__name__
