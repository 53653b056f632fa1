"""Logs how many trades arrived: at most one line every ten seconds."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Protocol

import structlog

log = structlog.get_logger(__name__)

PAUSE_SECONDS = 10.0


class GrowingStream(Protocol):
    """The part of the stream used here."""

    @property
    def head(self) -> int:
        """The last durable sequence."""

    def watch(self) -> AbstractContextManager[asyncio.Event]:
        """An event that is set whenever the stream may have grown."""


async def report_arrivals(
    stream: GrowingStream, pause: Callable[[], Awaitable[object]] = lambda: asyncio.sleep(PAUSE_SECONDS)
) -> None:
    """Log the first trade at once, then after each pause the number that came during it. Runs until cancelled."""
    reported = stream.head
    with stream.watch() as grown:
        while True:
            await grown.wait()
            grown.clear()
            head = stream.head
            if head != reported:
                log.info("trades accepted", count=head - reported, head=head)
                reported = head
                await pause()
