"""Reads Binance's combined streams. https://github.com/binance/binance-spot-api-docs, web-socket-streams. No I/O."""

from collections.abc import Callable, Iterable, Sequence
from operator import le
from typing import Any, Literal

import msgspec

from market_feed.market import (
    CANDLE_INTERVAL,
    CANDLE_US,
    Candle,
    Head,
    Item,
    Quote,
    Refusal,
    ShutdownNotice,
    Side,
    Subscriptions,
    Trade,
    TradeRun,
    Unreadable,
)
from market_feed.times import Unit, as_text, is_plausible, plausible_range
from market_feed.venues.decimals import Decimals, are_decimals
from telemetry_stream.id_spaces import MAX_DIGITS

MAX_ID = 10**MAX_DIGITS
AGGREGATE, SHUTDOWN = "aggTrade", "serverShutdown"
MIN_RUN = 6
"""Fewer aggregates take no more time one by one."""


_NOTHING = msgspec.Raw(b"null")


class _Kline(msgspec.Struct, gc=False):
    """A kline; `x` says that it is closed."""

    t: int
    i: str
    o: str
    h: str
    l: str  # noqa: E741 -- the venue's name
    c: str
    v: str
    n: int
    x: bool


class _Data(msgspec.Struct, gc=False):
    """The members of every event that is used; which of them an event has depends on `e`. Quotes have no `e`."""

    e: str = ""
    E: int = 0
    s: str = ""
    a: int | str = 0
    p: str = ""
    q: str = ""
    f: int = 0
    l: int | str = 0  # noqa: E741 -- the venue's name
    T: int = 0
    m: bool | None = None
    t: int = 0
    L: int = 0
    u: int = 0
    b: str | int = ""
    B: str = ""
    A: str = ""
    k: _Kline | None = None


class _Aggregate(msgspec.Struct, gc=False):
    """An aggregate as the venue sends it, its members in the venue's order: that is the quickest to read."""

    e: Literal["aggTrade"]
    E: int
    s: str
    a: int
    p: str
    q: str
    f: int
    l: int  # noqa: E741 -- the venue's name
    T: int
    m: bool


class AggregateFrame(msgspec.Struct, gc=False):
    """An aggregate of a combined stream."""

    data: _Aggregate


class _Frame(msgspec.Struct, gc=False):
    """An event of a stream, or the answer to a message of ours, or a bare event."""

    data: _Data | list[_Data] | None = None
    e: str = ""
    result: msgspec.Raw = _NOTHING
    id: int | str | None = None
    code: int | None = None
    msg: str = ""
    error: msgspec.Raw = _NOTHING


_decode_aggregates = msgspec.json.Decoder(list[AggregateFrame]).decode
_decode_all = msgspec.json.Decoder(list[_Frame]).decode
_decode_one = msgspec.json.Decoder(_Frame | list[_Frame]).decode
_decode_names = msgspec.json.Decoder(list[str]).decode
_REASONS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class BinanceReader:
    """Reads one connection. Times are in the unit that was asked for, or, if the venue ignores that, in the other one:
    the first time on a connection shows it.
    """

    def __init__(self, asked: Unit, *, single: bool = False) -> None:
        """`single` trades are read, else aggregates: each has ids of its own, so never both."""
        self.unit = asked
        self._unit_is_certain = False
        self._earliest = self._latest = self._us = 0
        self._decimals = Decimals()
        trades = {"trade": self._trade} if single else {AGGREGATE: self._aggregate}
        self._reads_aggregates = not single
        self._met_unreadable = False
        """Whether the frames being read have a part that can't be used."""

        self._read_event: dict[str, Callable[[Any, int], Item | None]] = {
            **trades,
            "": self._quote,
            "kline": self._kline,
            "24hrTicker": self._ticker,
        }

    def read(self, frames: Sequence[bytes], now_us: int) -> list[Item]:
        """What the frames say, in order. They are decoded as one array, and one by one only if that fails."""
        self._earliest, self._latest = plausible_range(self.unit, now_us)
        self._us = self.unit.value
        self._met_unreadable = False
        joined = b"[%b]" % b",".join(frames)
        if len(frames) >= MIN_RUN and self._reads_aggregates and self._unit_is_certain:
            only = _only_aggregates(joined)
            if len(only) == len(frames):
                return self._with_bytes(self._aggregates(only, now_us), frames, now_us)
        try:
            decoded = _decode_all(joined)
        except _REASONS:
            decoded = []
        if len(decoded) != len(frames):
            return [item for frame in frames for item in self._read_alone(frame, now_us)]
        others: list[Item] = []
        aggregates: list[_Data] = []
        for frame in decoded:
            data = frame.data
            if type(data) is not _Data:
                others += self._others(frame, now_us)
            elif data.e == AGGREGATE:
                aggregates.append(data)
            else:
                item = self._event(data, now_us)
                if item is not None:
                    others.append(item)
        return self._with_bytes(self._aggregates(aggregates, now_us) + others, frames, now_us)

    def _with_bytes(self, items: list[Item], frames: Sequence[bytes], now_us: int) -> list[Item]:
        """The items of frames; read once more, one by one, if some can't be used, whose bytes are then known."""
        if self._met_unreadable:
            return [item for frame in frames for item in self._read_alone(frame, now_us)]
        return items

    def _aggregates(self, all_: Sequence[_Data] | Sequence[_Aggregate], now_us: int) -> list[Item]:
        """What aggregates say, by instrument: in a run, if there are enough and nothing about them is unusual."""
        items: list[Item] = []
        for some in _by_code(all_):
            run = self._run(some) if len(some) >= MIN_RUN else None
            if run is not None:
                items.append(run)
                continue
            for data in some:
                item = self._sound_aggregate(data) or self._event(data, now_us)
                if item is not None:
                    items.append(item)
        return items

    def _run(self, some: Sequence[_Data] | Sequence[_Aggregate]) -> TradeRun | None:
        """The trades as a run, if each passes the checks of `_aggregate` and ids are consecutive; else None."""
        if not (self._reads_aggregates and self._unit_is_certain):
            return None
        number, count = some[0].a, len(some)
        if not (type(number) is int and [one.a for one in some] == list(range(number, number + count))):
            return None
        first_ids, last_ids = [one.f for one in some], [one.l for one in some]
        times, sent, makers = [one.T for one in some], [one.E for one in some], [one.m for one in some]
        prices, qtys = [one.p for one in some], [one.q for one in some]
        if not (
            some[0].s
            and 0 < number < MAX_ID - count
            and set(map(type, last_ids)) == {int}
            and min(first_ids) > 0
            and max(last_ids) < MAX_ID
            and all(map(le, first_ids, last_ids))
            and self._earliest <= min(times)
            and max(times) <= self._latest
            and self._earliest <= min(sent)
            and max(sent) <= self._latest
            and None not in makers
            and are_decimals(prices)
            and are_decimals(qtys)
        ):
            return None
        return TradeRun(
            some[0].s,
            number,
            prices,
            qtys,
            makers,  # type: ignore[arg-type]  # the checks have shown that none is missing
            times,
            sent,
            self.unit,
            first_ids,
            last_ids,  # type: ignore[arg-type]  # the checks have shown that none is missing
        )

    def _read_alone(self, frame: bytes, now_us: int) -> list[Item]:
        try:
            decoded = _decode_one(frame)
        except _REASONS:
            return [Unreadable("malformed", frame)]
        parts = decoded if isinstance(decoded, list) else [decoded]
        items: list[Item] = []
        for part in parts:
            if isinstance(part.data, _Data):
                item = self._event(part.data, now_us)
                items += [] if item is None else [item]
            else:
                items += self._others(part, now_us)
        return [Unreadable(item.reason, frame) if type(item) is Unreadable else item for item in items]

    def _others(self, frame: _Frame, now_us: int) -> list[Item]:
        if frame.e == SHUTDOWN:
            return [ShutdownNotice()]
        if isinstance(frame.data, list):
            return [item for data in frame.data if (item := self._event(data, now_us)) is not None]
        if frame.code is not None or frame.error != _NOTHING:
            cause = bytes(frame.error).decode(errors="replace") if frame.code is None else str(frame.code)
            return [Refusal(f"{cause[:100]}: {frame.msg}"[:200])]
        try:
            return [Subscriptions(tuple(_decode_names(frame.result)))]
        except _REASONS:  # an answer without names
            return []

    def _event(self, data: _Data | _Aggregate, now_us: int) -> Item | None:
        read = self._read_event.get(data.e)
        if read is not None:
            return read(data, now_us)
        return ShutdownNotice() if data.e == SHUTDOWN else None

    def _sound_aggregate(self, data: _Data | _Aggregate) -> Trade | None:
        """An aggregate with nothing unusual, as nearly all are; None for everything else.

        What is checked is the same as in `_aggregate`, which takes three times as long.
        """
        number, last, known = data.a, data.l, self._decimals.known
        if not (
            self._reads_aggregates
            and self._unit_is_certain
            and (data.p in known or self._decimals.has(data.p))
            and (data.q in known or self._decimals.has(data.q))
            and self._earliest <= data.T <= self._latest
            and self._earliest <= data.E <= self._latest
            and type(number) is int
            and type(last) is int
            and 0 < number < MAX_ID
            and 0 < data.f <= last < MAX_ID
            and data.s
        ):
            return None
        unit = self.unit
        return Trade(
            data.s,
            number,
            data.p,
            data.q,
            side_of(data.m),
            as_text(data.T, unit),
            data.T * self._us,
            as_text(data.E, unit),
            data.f,
            last,
        )

    def _aggregate(self, data: _Data, now_us: int) -> Item:
        number, last = data.a, data.l
        if not (isinstance(number, int) and isinstance(last, int) and 0 < data.f <= last < MAX_ID):
            return self._unreadable("ids")
        return self._checked(data, number, data.f, last, now_us)

    def _trade(self, data: _Data, now_us: int) -> Item:
        return self._checked(data, data.t, 0, 0, now_us)

    def _checked(self, data: _Data, number: int, first: int, last: int, now_us: int) -> Item:
        if not (0 < number < MAX_ID and data.s):
            return self._unreadable("ids")
        if not (self._decimals.has(data.p) and self._decimals.has(data.q)):
            return self._unreadable("number")
        unit = self.unit
        time_us = data.T * unit.value
        if not is_plausible(time_us, now_us):
            if self._unit_is_certain or not self._changes_unit(data.T, now_us):
                return self._unreadable("time")
            unit, time_us = self.unit, data.T * self.unit.value
        self._unit_is_certain = True
        event_ts = as_text(data.E, unit) if is_plausible(data.E * unit.value, now_us) else ""
        side = side_of(data.m)
        return Trade(data.s, number, data.p, data.q, side, as_text(data.T, unit), time_us, event_ts, first, last)

    def _changes_unit(self, time: int, now_us: int) -> bool:
        other = Unit.MILLISECOND if self.unit is Unit.MICROSECOND else Unit.MICROSECOND
        if not is_plausible(time * other.value, now_us):
            return False
        self.unit = other
        return True

    def _quote(self, data: _Data, _now_us: int) -> Item | None:
        if not data.u:
            return None
        bid, ask = data.b, data.a
        has = self._decimals.has
        if not (isinstance(bid, str) and isinstance(ask, str) and data.s and has(bid) and has(ask)):
            return self._unreadable("number")
        if not (has(data.B) and has(data.A)):
            return self._unreadable("number")
        return Quote(data.s, data.u, bid, data.B, ask, data.A)

    def _kline(self, data: _Data, now_us: int) -> Item | None:
        kline = data.k
        if kline is None or not kline.x:
            return None
        if kline.i != CANDLE_INTERVAL:
            return None  # not asked for, and numbered otherwise
        start_us = kline.t * self.unit.value
        is_over = start_us + CANDLE_US <= data.E * self.unit.value + Unit.SECOND.value
        if not (is_over and start_us % CANDLE_US == 0 and is_plausible(start_us, now_us)):
            return self._unreadable("time")
        numbers = (kline.o, kline.h, kline.l, kline.c, kline.v)
        if not (data.s and 0 <= kline.n < MAX_ID and all(map(self._decimals.has, numbers))):
            return self._unreadable("number")
        ts = as_text(kline.t, self.unit)
        return Candle(data.s, kline.i, start_us // CANDLE_US, ts, start_us, *numbers, kline.n)

    def _unreadable(self, reason: str) -> Unreadable:
        """`_read_alone` adds the bytes."""
        self._met_unreadable = True
        return Unreadable(reason, b"")

    @staticmethod
    def _ticker(data: _Data, _now_us: int) -> Item | None:
        return Head(data.s, data.L) if data.s and 0 <= data.L < MAX_ID else None


def _only_aggregates(joined: bytes) -> list[_Aggregate]:
    """The aggregates of a joined array of frames; none if it has anything else in it, or anything unusual."""
    try:
        return [frame.data for frame in _decode_aggregates(joined)]
    except _REASONS:
        return []


def _by_code(aggregates: Sequence[_Data] | Sequence[_Aggregate]) -> Iterable[Sequence[_Data] | Sequence[_Aggregate]]:
    """Each instrument's aggregates."""
    if len({data.s for data in aggregates}) <= 1:
        return [aggregates] if aggregates else []
    found: dict[str, list[Any]] = {}
    for data in aggregates:
        found.setdefault(data.s, []).append(data)
    return found.values()


def side_of(buyer_is_maker: bool | None) -> Side:
    """The aggressor's side."""
    if buyer_is_maker is None:
        return "unknown"
    return "sell" if buyer_is_maker else "buy"
