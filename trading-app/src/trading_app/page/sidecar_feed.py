"""Polls the sidecar's state in one task, however many pages are open.

No other part of the app waits for the sidecar: they use the last reading, which says how old it is.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec
import structlog

from service_kit.clock import SYSTEM_CLOCK, Clock, unix_seconds
from service_kit.cooperative import Slicer, run_sliced
from trading_app.page.pnl_history import PnlHistory
from trading_app.page.sidecar_state import SLICE, UNKNOWN, PositionState, Reading, SidecarState, decode_in_slices
from trading_app.query.filter import Filter

log = structlog.get_logger(__name__)


class PositionKey(NamedTuple):
    """Which position; `currency` is that of the sum its amounts belong to. `symbols` are all names of its symbol."""

    account: str
    strategy: str
    symbols: tuple[str, ...]
    side: str
    currency: str

    def matches(self, wanted: Filter) -> bool:
        """Whether a filter wants it."""
        return any(wanted.takes(self.account, self.strategy, symbol) for symbol in self.symbols)


MAX_STATE_BYTES = 64 * 1024 * 1024
ANSWER_SECONDS = 3.0
PAUSE_SECONDS = 0.4
SHARE = 20
"""The pause after a poll is this many times its duration, within PAUSE_SECONDS and MAX_PAUSE_SECONDS: a large state is
polled less often, so polling takes at most a twentieth of the time.
"""

MAX_PAUSE_SECONDS = 2.0
"""Maximum pause between two polls, whatever the last one took: one slow answer must not freeze the figures."""


OUTCOMES = ("answered", "timeout", "unreachable", "unauthorized", "refused", "unreadable")
"""Outcomes of a poll. `refused`: a status other than 200 and 401. `unreadable`: the answer is not a state."""


class NoAnswer(Exception):
    """The poll brought no state. The message gives the reason, for the page; `outcome` is one of OUTCOMES."""

    def __init__(self, outcome: str, message: str) -> None:
        super().__init__(message)
        self.outcome = outcome


class SidecarFeed:
    """The sidecar's `latest` reading, and the net P&L over the last hour by position and by currency.

    While a position or a sum has no price, its history has no points.
    """

    def __init__(self, url: str, token: str | None, clock: Clock = SYSTEM_CLOCK) -> None:
        """`token` is the API token to send; None if the sidecar needs none."""
        self.url = url
        self.polls = dict.fromkeys(OUTCOMES, 0)
        self._clock = clock
        self.latest = Reading()
        self.pnl_of_positions = PnlHistory[PositionKey]()
        self._keeps_positions = True
        """False once there were too many positions: an incomplete sum is never shown, so no points are kept."""
        self.pnl_of_currencies = PnlHistory[str]()
        self._token = token

    async def run(self) -> None:
        """Poll until cancelled."""
        pause = PAUSE_SECONDS
        while True:
            began = self._clock.monotonic()
            try:
                await self._take(await self._ask())
                self.polls["answered"] += 1
                pause = min(MAX_PAUSE_SECONDS, max(PAUSE_SECONDS, SHARE * (self._clock.monotonic() - began)))
            except NoAnswer as error:
                self.polls[error.outcome] += 1
                if self.latest.status != "down":
                    log.info("sidecar polling failed, retrying; trade intake is unaffected", reason=str(error))
                self.latest = self.latest.without_answer(str(error), unix_seconds(self._clock))
                pause = min(MAX_PAUSE_SECONDS, 1.5 * pause)
            await asyncio.sleep(pause)

    async def _ask(self) -> SidecarState:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                status, body = await fetch(f"{self.url}/state", self._token)
        except TimeoutError:
            raise NoAnswer("timeout", f"it did not answer within {ANSWER_SECONDS:g} seconds") from None
        except OSError:
            raise NoAnswer("unreachable", "nothing listens there") from None
        except (ValueError, EOFError):
            raise NoAnswer("unreadable", "what listens there is not a sidecar") from None
        if status == 401:
            raise NoAnswer(
                "unauthorized", "it wants a token: set SIDECAR_API_TOKENS, or MONITORING_TOKEN, for the web app too"
            )
        if status != 200:
            raise NoAnswer("refused", f"it answered with status {status}")
        try:
            return await run_sliced(decode_in_slices(body))
        except msgspec.DecodeError:
            raise NoAnswer("unreadable", "its answer could not be read; is it another version?") from None

    async def _take(self, state: SidecarState) -> None:
        if self.latest.status == "down":
            log.info("the sidecar answers again")
        if self.latest.state and self.latest.state.stream != state.stream:
            self.pnl_of_positions.clear()
            self.pnl_of_currencies.clear()
            self._keeps_positions = True
        now = unix_seconds(self._clock)
        self.latest = self.latest.with_state(state, now)
        if state.caught_up:
            await self._keep_pnl(state, int(now))

    async def _keep_pnl(self, state: SidecarState, second: int) -> None:
        if self._keeps_positions:
            await self._keep_positions(state.positions, second)
        sums = {currency: state.sums(currency) for currency in state.by_currency if currency != UNKNOWN}
        nets = {currency: float(known.net_pnl) for currency, known in sums.items() if known and known.net_pnl}
        self.pnl_of_currencies.add(second, nets)

    async def _keep_positions(self, positions: Sequence[PositionState], second: int) -> None:
        nets, slicer = {}, Slicer()
        for start in range(0, len(positions), SLICE):
            for row in positions[start : start + SLICE]:
                if row.net_pnl is not None:
                    nets[_key_of(row)] = float(row.net_pnl)
            await slicer.yield_if_due()
        if self.pnl_of_positions.has_room_for(nets):
            self.pnl_of_positions.add(second, nets)
        else:
            self._keeps_positions = False
            self.pnl_of_positions.clear()

    def currency_of(self, symbol: str) -> str:
        """The currency that the amounts of a symbol are added in; empty if it is unknown, or there are several."""
        return self.latest.state.currency_of(symbol) if self.latest.state else ""

    def open_positions(self) -> list[PositionState]:
        """The positions that are not flat, by the latest reading; none if there has been none."""
        state = self.latest.state
        return [row for row in state.positions if row.position != "0"] if state is not None else []

    def pnl_of(self, currency: str, wanted: Filter) -> list[tuple[int, float]]:
        """Net P&L in a currency, by second.

        Empty if a filter is set but there were too many positions to keep, or if the currency is unknown and the filter
        matches several symbols: their amounts can't be added.
        """
        if not currency and wanted.symbol is None:
            return []
        if not wanted:
            return self.pnl_of_currencies.read(lambda known: known == currency)
        return self.pnl_of_positions.read(lambda key: key.currency == currency and key.matches(wanted))


def _key_of(row: PositionState) -> PositionKey:
    return PositionKey(row.account, row.strategy, tuple(row.symbols), row.position_side, row.sum_currency)


async def fetch(url: str, token: str | None) -> tuple[int, bytes]:
    """GET a URL: the status and body of an answer with a Content-Length. Raises OSError, ValueError, EOFError."""
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port, limit=MAX_STATE_BYTES)
    try:
        authorization = f"Authorization: Bearer {token}\r\n" if token else ""
        asked = f"GET {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\n{authorization}Connection: close\r\n\r\n"
        writer.write(asked.encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("\r\ncontent-length:")[2].partition("\r\n")[0])
        if not 0 <= length <= MAX_STATE_BYTES:
            raise ValueError("the answer is too long")
        return int(head.split(" ", 2)[1]), await reader.readexactly(length)
    except (IndexError, asyncio.LimitOverrunError) as error:
        raise ValueError("not an HTTP answer") from error
    finally:
        writer.close()
