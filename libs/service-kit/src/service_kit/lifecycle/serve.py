"""Runs a program: its HTTP server and its other parts, until one of them ends or a signal arrives."""

import asyncio
import signal
import socket
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import structlog

from service_kit.connection.guarded_http import GuardedHttpProtocol
from service_kit.lifecycle.ending import Ending, StartFailed
from service_kit.lifecycle.listening import listen
from service_kit.lifecycle.server import GuardedServer
from service_kit.lifecycle.signals import EndSignals

log = structlog.get_logger(__name__)

END_SECONDS = 2
"""Seconds that parts get to end after the server's grace period; then they are cancelled."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a program listens. `setting_prefix` names its settings in messages; times are in seconds."""

    host: str
    port: int
    setting_prefix: str
    unread_seconds: float = 20.0


@dataclass(frozen=True, slots=True)
class Serving:
    """What a program runs: an ASGI application, its connection class, and further coroutines (`parts`) by name.

    A part returns once the end has begun (`Ending.cancels` turns any coroutine into such a one). A part that returns
    earlier, or raises, ends the program. `grace_seconds` is what requests under way get at the end.
    """

    app: Any
    connection: type[GuardedHttpProtocol]
    parts: Mapping[str, Coroutine[object, object, object]] = field(default_factory=dict)
    has_lifespan: bool = False
    grace_seconds: int = 1


async def serve(address: Address, make: Callable[[Ending], Serving], signals: EndSignals) -> int:
    """Listen, build the program with `make`, and run it. Gives the exit code: 0 ended as asked, 1 failed (logged)."""
    ending, loop = Ending(), asyncio.get_running_loop()
    signals.deliver_to(lambda _number: _begin_soon(ending, loop))
    try:
        listening = listen(address.host, address.port, address.unread_seconds, address.setting_prefix)
        with listening:
            return await _run(make(ending), listening, ending, signals)
    except StartFailed as error:
        log.error("can't start", reason=str(error))
        return 1


async def _run(serving: Serving, listening: socket.socket, ending: Ending, signals: EndSignals) -> int:
    server = GuardedServer(
        serving.app, serving.connection, grace_seconds=serving.grace_seconds, has_lifespan=serving.has_lifespan
    )
    loop = asyncio.get_running_loop()

    def end(number: int) -> None:
        server.force_exit |= ending.begun.is_set() and number == signal.SIGINT  # a second Ctrl-C does not wait
        _begin_soon(ending, loop)

    def stop() -> None:
        server.should_exit = True

    ending.call(stop)
    signals.deliver_to(end)
    work = {"http": server.serve([listening]), **serving.parts}
    parts = {name: asyncio.create_task(coroutine, name=name) for name, coroutine in work.items()}
    asked = asyncio.create_task(ending.begun.wait())
    await asyncio.wait((*parts.values(), asked), return_when=asyncio.FIRST_COMPLETED)
    # Read before `begin`, which makes an early return of a part look like an end that was asked for.
    was_asked = ending.begun.is_set() and not ending.failures
    ending.begin()
    await _end(parts, serving.grace_seconds + END_SECONDS)
    failed = [name for name, part in parts.items() if _has_failed(name, part)]
    return 0 if was_asked and not failed and not ending.failures else 1


def _begin_soon(ending: Ending, loop: asyncio.AbstractEventLoop) -> None:
    """For a signal handler, which may interrupt the loop anywhere."""
    with suppress(RuntimeError):  # the loop is closed: the program has ended
        loop.call_soon_threadsafe(ending.begin)


async def _end(parts: Mapping[str, asyncio.Task[object]], seconds: float) -> None:
    _, late = await asyncio.wait(parts.values(), timeout=seconds)
    for part in late:
        log.error("a part did not end in time; cancelled", part=part.get_name(), seconds=seconds)
        part.cancel()
    if late:
        await asyncio.wait(late)


def _has_failed(name: str, part: asyncio.Task[object]) -> bool:
    if part.cancelled():
        return True
    error = part.exception()
    if error is not None:
        log.critical("a part failed; the program ends, and recovers at its next start", part=name, exc_info=error)
    return error is not None
