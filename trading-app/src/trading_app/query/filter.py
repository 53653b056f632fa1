"""Which stored trades are wanted. No I/O."""

from collections.abc import Iterator
from dataclasses import dataclass

from telemetry_stream.events import Batch
from telemetry_stream.wire import split
from trading_model.field_rules import format_timestamp
from trading_model.kinds import is_fill, may_hold_other_kinds
from trading_model.trade import Side


@dataclass(frozen=True, slots=True)
class Filter:
    """Which trades are wanted; None matches every value.

    `since_ns` and `until_ns` are Unix times in nanoseconds: a wanted trade's `ts` is at or after `since_ns`, and before
    `until_ns`.
    """

    symbol: str | None = None
    account: str | None = None
    strategy: str | None = None
    side: Side | None = None
    since_ns: int | None = None
    until_ns: int | None = None

    def __bool__(self) -> bool:
        """Whether the filter leaves out any trades."""
        return bool(self._marks()) or (self.since_ns, self.until_ns) != (None, None)

    def of(self, batch: Batch) -> Iterator[tuple[int, bytes]]:
        """The sequence and journaled bytes of each wanted trade. Events that are not fills are left out."""
        marks = self._marks()
        if all(mark in batch.events for mark in marks):
            mixed = may_hold_other_kinds(batch.events)
            span = self._span()
            for sequence, event in enumerate(split(batch), batch.first):
                if not (mixed and not is_fill(event)) and _matches(event, marks, span):
                    yield sequence, event

    def matches(self, fill: bytes) -> bool:
        """Whether a fill, as journaled, is wanted."""
        return _matches(fill, self._marks(), self._span())

    def takes(self, account: str, strategy: str, symbol: str) -> bool:
        """Whether a trade with these labels is wanted."""
        return (
            (self.symbol is None or symbol == self.symbol)
            and (self.account is None or account == self.account)
            and (self.strategy is None or strategy == self.strategy)
        )

    def _marks(self) -> list[bytes]:
        """Bytes that a wanted trade contains. No text of a trade has a quote, so they can match nothing else in it."""
        members = {"symbol": self.symbol, "account": self.account, "strategy": self.strategy, "side": self.side}
        return [f'"{name}":"{value}"'.encode() for name, value in members.items() if value is not None]

    def _span(self) -> tuple[bytes, bytes] | None:
        if self.since_ns is None and self.until_ns is None:
            return None
        return _sortable(self.since_ns) or b"", _sortable(self.until_ns) or b"~"


def _sortable(time_ns: int | None) -> bytes | None:
    """A time as it is journaled, without its `Z`: these texts sort as the times do."""
    return None if time_ns is None else format_timestamp(time_ns)[:-1].encode()


_TS = b'"ts":"'


def _matches(event: bytes, marks: list[bytes], span: tuple[bytes, bytes] | None) -> bool:
    if not all(mark in event for mark in marks):
        return False
    if span is None:
        return True
    start = event.find(_TS) + len(_TS)
    return span[0] <= event[start : event.find(b"Z", start)] < span[1]
