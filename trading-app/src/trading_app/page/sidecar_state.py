"""The part of the sidecar's `/state` that the page needs, and the sidecar's status over time. No I/O."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal

import msgspec

SLICE = 64
"""Number of positions processed before the event loop may run other tasks."""

POINTS = "points"
"""The unit of P&L of a contract whose multiplier nobody said."""

Status = Literal["starting", "up", "down"]
PositionKey = tuple[str, str, str, str, str]
"""Account, strategy, symbol, position side, unit."""


class SymbolState(msgspec.Struct, frozen=True):
    """A symbol's last trade."""

    last_price: str
    last_trade_ts: str


class PositionState(msgspec.Struct, frozen=True):
    """A position. Every amount is text with its exact digits; None where there is no mark.

    `unit` is that of the P&L: a currency, `points`, or None if it is unknown.
    """

    account: str
    strategy: str
    symbol: str
    trades: dict[str, int]
    fees: dict[str, str]
    position: str
    average_entry_price: str
    last_price: str
    realized_pnl: str
    unrealized_pnl: str | None
    net_pnl: str | None
    unit: str | None = None
    position_side: str = ""
    multiplier: str = "1"
    inverse: bool = False
    fees_outside_net: dict[str, str] = {}
    last_price_ts: str | None = None
    flags: tuple[str, ...] = ()

    @property
    def quote(self) -> str:
        """The currency of the P&L; empty if it is unknown, or the P&L is in points."""
        return "" if self.unit is None or self.unit == POINTS else self.unit

    @property
    def key(self) -> PositionKey:
        """What tells it from others."""
        return self.account, self.strategy, self.symbol, self.position_side, self.unit or ""


class Pipeline(msgspec.Struct, frozen=True):
    """Counters of the delivery of trades to the sidecar, since its start."""

    gaps: int = 0
    catchups: int = 0
    delivered_trades: int = 0
    delivery_nanoseconds: int = 0


class SidecarState(msgspec.Struct, frozen=True):
    """The members of the answer that the page uses. `incomplete_since` is None while the figures are complete."""

    stream: str | None
    head: int | None
    applied: int
    caught_up: bool
    positions: list[PositionState]
    symbols: dict[str, SymbolState]
    pipeline: Pipeline = Pipeline()
    incomplete_since: int | None = None


class _Envelope(SidecarState, frozen=True):
    positions: list[msgspec.Raw]  # type: ignore[assignment]  # decoded later, in slices


_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_position = msgspec.json.Decoder(PositionState).decode


def decode_in_slices(body: bytes) -> Generator[None, None, SidecarState]:
    """The state in an answer's body. Yields after each SLICE of positions. Raises msgspec.DecodeError."""
    envelope = _decode_envelope(body)
    positions: list[PositionState] = []
    for start in range(0, len(envelope.positions), SLICE):
        positions += [_decode_position(raw) for raw in envelope.positions[start : start + SLICE]]
        yield
    fields = {name: getattr(envelope, name) for name in SidecarState.__struct_fields__}
    return SidecarState(**fields | {"positions": positions})


@dataclass(frozen=True, slots=True)
class Reading:
    """The result of the latest poll. Times are in seconds since 1970.

    `state` was read at `read_at` and is kept while the sidecar is down; `reason` says why it is down. `since` is when
    the current status began. `delay_seconds` is the mean delivery delay of the trades between the last two states.
    """

    number: int = 0
    status: Status = "starting"
    since: float = 0.0
    reason: str = ""
    state: SidecarState | None = None
    read_at: float = 0.0
    delay_seconds: float | None = None

    def with_state(self, state: SidecarState, now: float) -> "Reading":
        """The next reading after an answer at `now`."""
        since = self.since if self.status == "up" else now
        return Reading(self.number + 1, "up", since, "", state, now, self._delay(state))

    def without_answer(self, reason: str, now: float) -> "Reading":
        """The next reading after a failed poll at `now`."""
        since = self.since if self.status == "down" else now
        return Reading(self.number + 1, "down", since, reason, self.state, self.read_at, None)

    def _delay(self, state: SidecarState) -> float | None:
        before = self.state.pipeline if self.state else Pipeline()
        trades = state.pipeline.delivered_trades - before.delivered_trades
        if trades <= 0:  # no trades since, or the sidecar restarted
            return self.delay_seconds
        return max(0, state.pipeline.delivery_nanoseconds - before.delivery_nanoseconds) / trades / 1e9
