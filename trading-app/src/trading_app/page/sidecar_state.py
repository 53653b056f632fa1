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


POINTS = "points"
"""The unit of figures whose multiplier is unknown: prices times quantities as sent."""


UNKNOWN = "unknown"
"""In `by_currency`, the member with the sums of symbols whose currency or multiplier is unknown."""


class PositionState(msgspec.Struct, frozen=True):
    """A position. Every amount is text with its exact digits, in the P&L's currency; None where there is no price.

    `fees_outside_net` are by currency. `flags` say what a reader of the figures has to know. `last_price_ts` is None
    without a price. `mark_source` is the venue whose price that is, `last` for the ledger's own; empty where no
    instrument says that the market marks the symbol. `symbols_as_sent` are further names of the symbol.
    """

    account: str
    strategy: str
    symbol: str
    trades: dict[str, int]
    position: str
    average_entry_price: str
    last_price: str | None
    realized_pnl: str
    unrealized_pnl: str | None
    net_pnl: str | None
    currency: str | None = None
    unit: str | None = None
    position_side: str = ""
    fees_in_net: str = "0"
    fees_outside_net: dict[str, str] = {}
    cash: str = "0"
    exposure: str | None = None
    flags: list[str] = []
    last_price_ts: str | None = None
    mark_source: str = ""
    symbols_as_sent: list[str] = []

    @property
    def sum_currency(self) -> str:
        """The currency of the sum that its amounts belong to; empty where it is unknown, or the unit is points."""
        return "" if self.unit == POINTS else self.currency or ""

    @property
    def symbols(self) -> list[str]:
        """All names of its symbol."""
        return [self.symbol, *self.symbols_as_sent]


class CurrencySums(msgspec.Struct, frozen=True):
    """The sidecar's sums in one currency. `unrealized_pnl` and `net_pnl` are None if an open position has no price."""

    realized_pnl: str
    unrealized_pnl: str | None
    fees: str
    cash: str
    net_pnl: str | None
    not_in_net: dict[str, str] = {}


class CashState(msgspec.Struct, frozen=True):
    """Money without a trade, by owner and reason. `strategy` is empty for the account's own."""

    account: str
    currency: str
    reason: str
    amount: str
    strategy: str = ""
    symbol: str = ""


class MissingAmount(msgspec.Struct, frozen=True):
    """An amount that is not in a total: its part of the net, its currency, how much. None is unknown."""

    part: str
    currency: str | None = None
    amount: str | None = None


class BaseTotal(msgspec.Struct, frozen=True):
    """The net P&L of all positions in the base currency, and what is not in it."""

    net_pnl: str
    missing: list[MissingAmount] = []


class BaseCurrency(msgspec.Struct, frozen=True):
    """The totals in the base currency: each amount at the rate of its time, and all at the rates of now."""

    currency: str
    dated: BaseTotal
    at_current_rates: BaseTotal


class Totals(msgspec.Struct, frozen=True):
    """`recomputing` is the number of keys whose figures are those before a correction or a late trade."""

    recomputing: int = 0


class Pipeline(msgspec.Struct, frozen=True):
    """Counters of the delivery of trades to the sidecar, since its start."""

    gaps: int = 0
    catchups: int = 0
    delivered_trades: int = 0
    delivery_nanoseconds: int = 0


class SidecarState(msgspec.Struct, frozen=True):
    """The members of the answer that the page uses. `incomplete_since` is None while the figures are complete.

    `by_currency` has the sums of all positions and of all income; `unknown` in it has sums by symbol.
    `base_currency` is None where the sidecar has none.
    """

    stream: str | None
    head: int | None
    applied: int
    caught_up: bool
    positions: list[PositionState]
    pipeline: Pipeline = Pipeline()
    incomplete_since: int | None = None
    totals: Totals = Totals()
    cash: list[CashState] = []
    by_currency: dict[str, msgspec.Raw] = {}
    base_currency: BaseCurrency | None = None

    def sums(self, currency: str) -> CurrencySums | None:
        """The sums in a currency; None if there are none."""
        raw = self.by_currency.get(currency)
        return None if raw is None else _decode_sums(raw)

    def currency_of(self, symbol: str) -> str:
        """The currency that the amounts of a symbol are added in; empty if it is unknown or there are several."""
        found = {row.sum_currency for row in self.positions if symbol in (row.symbol, *row.symbols_as_sent)}
        return found.pop() if len(found) == 1 else ""


class _Envelope(SidecarState, frozen=True):
    positions: list[msgspec.Raw]  # type: ignore[assignment]  # decoded later, in slices


_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_sums = msgspec.json.Decoder(CurrencySums).decode
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
