"""Ledgers of a given size: fills spread over keys, a step of time apart."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, overload

from telemetry_stream.backend import store_of
from telemetry_stream.events import Event, Events, Submission
from telemetry_stream.topics import Topic
from trading_model.accounting.fills import LineKey
from trading_model.field_rules import format_timestamp
from trading_model.topics import LEDGER

BATCH = 10_000
BEGAN_NS = 1_700_000_000_000_000_000
STEP_NS = 3_141_592_000
YEAR_NS = 365 * 86_400 * 10**9
PARTS = 5
FEW_FILLS = 1_000
FEW = LineKey("a0", "s0", "FEW/USDT", "", "")


class Content(Protocol):
    """What the fill with a number is: JSON members, without the opening brace."""

    def __call__(self, number: int) -> bytes: ...

    @property
    def keys(self) -> int:
        """The number of keys."""

    def names(self, key: int) -> LineKey:
        """Whose the fills of a key are."""


class Fills(Events[Event]):
    """Fills with these numbers, whose content follows from their number."""

    def __init__(self, numbers: range, content: Content) -> None:
        self._numbers = numbers
        self._content = content

    @property
    def keys(self) -> Sequence[str]:
        return [f"k{number}" for number in self._numbers]

    def numbered(self, first: int, start: int, stop: int) -> bytes:
        content, numbers = self._content, self._numbers
        made = (b'{"seq":%d,%b' % (first + at - start, content(numbers[at])) for at in range(start, stop))
        return b",".join(made)

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, at: int) -> Event: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Event]: ...
    def __getitem__(self, at: int | slice) -> Event | Sequence[Event]:
        if isinstance(at, slice):
            return [self[one] for one in range(*at.indices(len(self)))]
        number = self._numbers[at]
        return Event(f"k{number}", b"{" + self._content(number))


def fill_journal(folder: Path, fills: int, content: Content) -> None:
    """Journal this number of fills, with this content."""
    with closing(store_of().open_writer(folder, Topic(LEDGER))) as writer:
        for first in range(0, fills, BATCH):
            writer.append([Submission(Fills(range(first, min(first + BATCH, fills)), content))])
            writer.checkpoint_if_due()


@dataclass(frozen=True)
class Turns:
    """Keys that take turns, in no order of theirs, which is the worst order for a table by key: `step_ns` nanoseconds
    apart, in one account and 1,000 symbols at most.
    """

    keys: int
    step_ns: int = STEP_NS

    def __call__(self, number: int) -> bytes:
        key = number * 7_919 % self.keys
        return (
            b'"trade_id":"%d","symbol":"S%d/USDT","price":"%d.%02d","qty":"0.%03d","side":"%b","ts":"%b",'
            b'"account":"a%d","strategy":"bench","fee":"0.0%02d","fee_currency":"USDT"}'
        ) % (
            7_000_000_000 + number, key % 1_000, 20_000 + number % 7_001, number % 100, 1 + number % 999,
            b"buy" if number % 3 else b"sell", format_timestamp(BEGAN_NS + number * self.step_ns).encode(),
            key // 1_000, number % 97,
        )  # fmt: skip

    def names(self, key: int) -> LineKey:
        """Whose the fills of a key are."""
        return LineKey(f"a{key // 1_000}", "bench", f"S{key % 1_000}/USDT", "", "")


@dataclass(frozen=True)
class Orders:
    """Keys of 4 accounts and 5 strategies that take turns; a tenth of them trades symbols that others trade too. An
    order is PARTS fills, 20 ms apart; every second one of a key closes what the one before it opened. Each has one of
    10 tags. FEW_FILLS of the fills, spread over all, are of a key of their own, FEW.
    """

    fills: int
    keys: int = 300
    years: int = 3
    began_ns: int = BEGAN_NS
    first_id: int = 7_000_000_000

    def __call__(self, number: int) -> bytes:
        order, part = divmod(number, PARTS)
        turn, at = divmod(order, self.keys)
        orders = self.fills // PARTS
        if order % self.few_apart:
            account, strategy, symbol, *_ = self.names(at * 7_919 % self.keys)
        else:
            account, strategy, symbol, *_ = FEW
        is_opening, is_long = turn % 2 == 0, turn // 2 % 3 > 0
        time_ns = self.began_ns + order * (self.years * YEAR_NS // orders) + part * 20_000_000
        return (
            b'"trade_id":"%d","symbol":"%b","price":"%d.%02d","qty":"0.%03d","side":"%b","ts":"%b",'
            b'"account":"%b","strategy":"%b","fee":"0.0%02d","fee_currency":"USDT","tags":["t%d"]}'
        ) % (
            self.first_id + number, symbol.encode(), 20_000 + order * 7_907 % 7_001, number % 100,
            1 + (turn // 2 + part) % 999, b"buy" if is_opening == is_long else b"sell",
            format_timestamp(time_ns).encode(), account.encode(), strategy.encode(), number % 97, order % 10,
        )  # fmt: skip

    @property
    def few_apart(self) -> int:
        """Orders from one of FEW to the next; the first one is of it."""
        return max(self.fills // FEW_FILLS, 1)

    def names(self, key: int) -> LineKey:
        """Whose the fills of a key are."""
        return LineKey(f"a{key % 4}", f"s{key % 5}", f"S{key % (self.keys * 9 // 10)}/USDT", "", "")
