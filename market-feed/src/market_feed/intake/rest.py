"""Asks a venue by REST, within its limits."""

import asyncio
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar

import httpx
import structlog

from market_feed.decisions.budget import CAUSES, Ban, RollingBudget
from market_feed.venues.venue import Page, Venue
from service_kit.clock import Clock, LatestTime

log = structlog.get_logger(__name__)

AT_ONCE = 8
"""Maximum requests under way to a venue."""

TIMEOUT_SECONDS = 10.0
"""Maximum seconds in which nothing comes."""

WHOLE_SECONDS = 60.0
"""Maximum seconds of a whole answer: one that drips would keep its place for ever."""

CLOCK_SAMPLES = 5
MAX_PAGE_BYTES = 8 * 1024 * 1024
OUTCOMES = ("answered", "empty", "refused", "failed", "unreadable")

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Answer:
    """A venue's answer: its HTTP status and its body. The status is 0 if there was none."""

    status: int = 0
    body: bytes = b""


class RestClient:
    """The requests to one venue."""

    def __init__(
        self, venue: Venue, rest_url: str, context: ssl.SSLContext | None, weight: int, clock: Clock, latest: LatestTime
    ) -> None:
        """`weight` is the maximum that may be used within the venue's `weight_seconds`. `latest` says what the time is
        at least, to tell times that can't be; `clock` is compared with the venue's.
        """
        self.ban = Ban()
        self.budget = RollingBudget(min(weight, venue.limits.weight), venue.limits.weight_seconds)
        self.requests = dict.fromkeys(OUTCOMES, 0)
        """By outcome, since the start."""

        self._venue = venue
        self._clock = clock
        self._latest = latest
        self._client = httpx.AsyncClient(
            base_url=rest_url, verify=context or True, timeout=TIMEOUT_SECONDS, trust_env=False, http2=False
        )
        self._places = asyncio.Semaphore(AT_ONCE)

    async def items(self, page: Page, read: Callable[[bytes, int], list[Item]]) -> list[Item] | None:
        """What a page holds; None if there was no answer that can be used, which is logged and counted.

        `read` gets the body and the time now in microseconds since 1970, and raises ValueError.
        """
        answer = await self.ask(page)
        return self.read(page, answer.body, read) if answer.status == HTTPStatus.OK else None

    def read(self, page: Page, body: bytes, read: Callable[[bytes, int], list[Item]]) -> list[Item] | None:
        """What the body of an answer to `page` holds; None if it can't be read, which is logged and counted."""
        try:
            items = read(body, self._latest.unix_ns() // 1_000)
        except (ValueError, RecursionError) as error:
            self.requests["unreadable"] += 1
            log.warning("a page can't be read", venue=self._venue.name, path=page.path, reason=str(error)[:200])
            return None
        self.requests["answered" if items else "empty"] += 1
        return items

    async def clock_offset_us(self) -> int | None:
        """The venue's clock minus this machine's, microseconds, by the quickest of some answers; None without one."""
        found = []
        for _ in range(CLOCK_SAMPLES):
            if self.ban.wait(time.monotonic()):
                break
            began_ns = self._clock.unix_ns()
            times = await self.items(self._venue.time_page(), lambda body, _now_us: [self._venue.read_time(body)])
            ended_ns = self._clock.unix_ns()
            if times:
                found.append((ended_ns - began_ns, times[0] - (began_ns + ended_ns) // 2_000))
        return min(found)[1] if found else None

    async def ask(self, page: Page) -> Answer:
        """The venue's answer. None, and any other than 200, is logged and counted."""
        async with self._places:
            while wait := max(self.ban.wait(now := time.monotonic()), self.budget.wait(page.weight, now)):
                await asyncio.sleep(wait)
            self.budget.spend(page.weight, now)
            try:
                async with asyncio.timeout(WHOLE_SECONDS):
                    answer, content = await self._get(page)
            except Exception as error:  # noqa: BLE001 -- whatever a venue answers, the next request is another one
                self.requests["failed"] += 1
                log.warning("a request failed", venue=self._venue.name, path=page.path, reason=repr(error)[:200])
                return Answer()
        used = self._venue.weight_used(answer.headers)
        if used is not None:
            self.budget.raise_to(used, time.monotonic())
        if content is None:
            self.requests["unreadable"] += 1
            log.warning("an answer is too long", venue=self._venue.name, path=page.path, max_bytes=MAX_PAGE_BYTES)
            return Answer()
        if answer.status_code == HTTPStatus.OK:
            return Answer(answer.status_code, content)
        self.requests["refused"] += 1
        named, date = answer.headers.get("retry-after", ""), answer.headers.get("date", "")
        seconds = self.ban.note(answer.status_code, named, time.monotonic(), date)
        log.warning(
            "a request was refused",
            venue=self._venue.name,
            status=answer.status_code,
            reason=CAUSES.get(answer.status_code, content[:200].decode(errors="replace")),
            wait_seconds=seconds,
        )
        return Answer(answer.status_code, content)

    async def _get(self, page: Page) -> tuple[httpx.Response, bytes | None]:
        """The response and its content; None if that is too long, compressed or not: the rest of it is not read.

        What is compressed twice is too long unread: a piece of it that fits into memory may hold more than memory.
        """
        parameters, headers = dict(page.parameters), dict(page.headers)
        self._client.cookies.clear()  # a venue's would be kept for ever, and sent with each request
        async with self._client.stream("GET", page.path, params=parameters, headers=headers) as answer:
            if len(answer.headers.get_list("content-encoding", split_commas=True)) > 1:
                return answer, None
            content = bytearray()
            async for part in answer.aiter_bytes():
                content += part
                if len(content) > MAX_PAGE_BYTES:
                    return answer, None
            return answer, bytes(content)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
