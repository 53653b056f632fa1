"""Closed round trips in columns of numbers, so that a million are added up at once. No I/O."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import reduce
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from trading_history.figures.trips import OPENING
from trading_model.decimals import EXACT, ZERO

AMOUNTS = ("turnover", "gross", "fees", "cash", "net", "mae", "mfe")

COLUMNS = ("series", "opened_ns", "closed_ns", "fills", "tags", "flags", "fees_outside", *AMOUNTS)
"""Members of a row that columns are made of: amounts as text as the store has it, tags and flags as JSON arrays, fees
outside the net as a JSON object by currency or None.
"""

Numbers = npt.NDArray[Any]
"""Signed integers, of as many bits as they need, up to 64."""

Sets = Sequence[tuple[str, ...]]

PLACES, PART = 8, 18
"""Decimals of an amount's first part, and of each more."""

_BASE = 10**PART
_WIDTHS = ("<i1", "<i2", "<i4", "<i8")
_LONG = 1 << 63
_names = msgspec.json.Decoder(tuple[str, ...]).decode
_by_currency = msgspec.json.Decoder(dict[str, str]).decode


class Amounts(msgspec.Struct, frozen=True, eq=False):
    """Exact amounts: each is the sum of its integers / 10 ^ places over all parts, which have the places as key.

    The part with the fewest places comes first, and has the sign: those of all others are from 0 to 10 ^ PART. Amounts
    of money have one part, those that a division is in have more.
    """

    parts: Mapping[int, Numbers]

    @classmethod
    def zeros(cls, count: int) -> "Amounts":
        """`count` amounts of 0."""
        return cls({PLACES: np.zeros(count, np.int8)})

    @classmethod
    def of_texts(cls, texts: Sequence[str]) -> "Amounts":
        """The amounts of texts as `show` writes them."""
        halves = [text.partition(".") for text in texts]
        decimals = max((len(after) for _, _, after in halves), default=0)
        places = PLACES + PART * -(-max(decimals - PLACES, 0) // PART)
        left = [int(before + after.ljust(places, "0")) for before, _, after in halves]
        parts = list[tuple[int, Numbers]]()
        while places > PLACES or max(map(abs, left), default=0) >= _LONG:
            pairs = [divmod(one, _BASE) for one in left]
            parts.append((places, np.array([low for _, low in pairs], np.int64)))
            left, places = [high for high, _ in pairs], places - PART
        parts.append((places, np.array(left, np.int64)))
        return cls(dict(reversed(parts)))

    def __len__(self) -> int:
        return len(self._first)

    def __getitem__(self, at: Any) -> "Amounts":
        return Amounts({places: integers[at] for places, integers in self.parts.items()})

    @property
    def _first(self) -> Numbers:
        return next(iter(self.parts.values()))

    def where(self, chosen: npt.NDArray[np.bool_]) -> "Amounts":
        """The amounts, with 0 in the place of each that is not chosen."""
        return Amounts({places: np.where(chosen, integers, 0) for places, integers in self.parts.items()})

    def sums(self, starts: Numbers) -> list[Decimal]:
        """The exact sum of each run; see `sums`."""
        parts = [[_amount(one, places) for one in sums(part, starts)] for places, part in self.parts.items()]
        return [reduce(EXACT.add, run) for run in zip(*parts, strict=True)]

    def highest(self, starts: Numbers) -> list[Decimal]:
        """The largest of each run."""
        return self._extremes(starts, np.maximum)

    def lowest(self, starts: Numbers) -> list[Decimal]:
        """The smallest of each run."""
        return self._extremes(starts, np.minimum)

    def _extremes(self, starts: Numbers, of: np.ufunc) -> list[Decimal]:
        found = [ZERO] * len(starts)
        counts = np.diff(starts, append=len(self))
        never = -1 if of is np.maximum else _BASE
        is_left = np.ones(len(self), bool)
        for at, (places, own) in enumerate(self.parts.items()):
            integers = np.where(is_left, own.astype(np.int64), never) if at else own
            extremes = of.reduceat(integers, starts)
            is_left &= integers == np.repeat(extremes, counts)
            found = [EXACT.add(one, _amount(more, places)) for one, more in zip(found, extremes.tolist(), strict=True)]
        return found

    @property
    def signs(self) -> npt.NDArray[np.int8]:
        """1 for amounts above 0, -1 below, else 0."""
        first = self._first
        signs: npt.NDArray[np.int8] = np.sign(first).astype(np.int8)
        for integers in self.parts.values():
            signs[(first == 0) & (integers > 0)] = 1
        return signs


def _amount(integer: int, places: int) -> Decimal:
    return ZERO if not integer else EXACT.scaleb(Decimal(integer), Decimal(-places))


class TripColumns(msgspec.Struct, frozen=True, eq=False):
    """Closed round trips, the first to end first. `series` are numbers of positions.

    A trip has the tags and the flags at its place in `tags` and `flags` of `tag_sets` and `flag_sets`. `fees_outside`
    has, by currency, the fees of each that no rate values.
    """

    series: Numbers
    opened_ns: Numbers
    closed_ns: Numbers
    fills: Numbers
    tags: Numbers
    flags: Numbers
    tag_sets: Sets
    flag_sets: Sets
    amounts: Mapping[str, Amounts]
    fees_outside: Mapping[str, Amounts]

    def __len__(self) -> int:
        return len(self.series)

    def __getitem__(self, at: Any) -> "TripColumns":
        """The trips that a mask, a slice or an array of places chooses."""
        return TripColumns(
            self.series[at], self.opened_ns[at], self.closed_ns[at], self.fills[at], self.tags[at], self.flags[at],
            self.tag_sets, self.flag_sets, {name: amounts[at] for name, amounts in self.amounts.items()},
            {currency: fees[at] for currency, fees in self.fees_outside.items()},
        )  # fmt: skip

    @property
    def has_opening(self) -> npt.NDArray[np.bool_]:
        """Which trips began with an opening: since when they were held is unknown."""
        known: npt.NDArray[np.bool_] = np.array([OPENING in one for one in self.flag_sets], bool)[self.flags]
        return known


def sums(integers: Numbers, starts: Numbers) -> list[int]:
    """The exact sum of each run of integers: a run begins at each of `starts`, which ascend."""
    largest = 1 << (8 * integers.itemsize - 1)
    if largest == _LONG:
        largest = max(int(integers.max(initial=0)), -int(integers.min(initial=0)))
    if len(integers) * largest < _LONG:
        found: list[int] = np.add.reduceat(integers, starts, dtype=np.int64).tolist()
        return found
    wide = integers.astype(np.int64)
    high, low = (np.add.reduceat(half, starts).tolist() for half in (wide >> 32, wide & 0xFFFFFFFF))
    return [(above << 32) + below for above, below in zip(high, low, strict=True)]


def columns_of(rows: Iterable[Sequence[Any]]) -> TripColumns:
    """The columns of rows that have COLUMNS."""
    columns = [*zip(*rows, strict=True)] or [()] * len(COLUMNS)
    series, opened, closed, fills = (np.array(one, np.int64) for one in columns[:4])
    (tags, tag_sets), (flags, flag_sets) = map(_coded, columns[4:6])
    outside = [{} if text is None else _by_currency(text) for text in columns[6]]
    currencies = sorted(set[str]().union(*outside))
    fees_outside = {name: Amounts.of_texts([one.get(name, "0") for one in outside]) for name in currencies}
    amounts = {name: Amounts.of_texts(texts) for name, texts in zip(AMOUNTS, columns[7:], strict=True)}
    return TripColumns(series, opened, closed, fills, tags, flags, tag_sets, flag_sets, amounts, fees_outside)


def _coded(texts: Sequence[str]) -> tuple[Numbers, Sets]:
    codes = {text: code for code, text in enumerate(dict.fromkeys(texts))}
    return np.array([codes[text] for text in texts], np.int64), tuple(map(_names, codes))


def joined(parts: Sequence[TripColumns]) -> TripColumns:
    """Several in one, in their order. There is at least one; all have the amounts of the first."""
    first, *others = parts
    if not others:
        return first
    tags, tag_sets = _joined_codes([(one.tags, one.tag_sets) for one in parts])
    flags, flag_sets = _joined_codes([(one.flags, one.flag_sets) for one in parts])
    series, opened, closed, fills = (
        np.concatenate([getattr(one, name) for one in parts]) for name in ("series", "opened_ns", "closed_ns", "fills")
    )
    amounts = {name: _joined_amounts([one.amounts[name] for one in parts]) for name in first.amounts}
    fees_outside = {
        name: _joined_amounts([one.fees_outside.get(name) or Amounts.zeros(len(one)) for one in parts])
        for name in sorted({name for one in parts for name in one.fees_outside})
    }
    return TripColumns(series, opened, closed, fills, tags, flags, tag_sets, flag_sets, amounts, fees_outside)


def _joined_codes(parts: Iterable[tuple[Numbers, Sets]]) -> tuple[Numbers, Sets]:
    known: dict[tuple[str, ...], int] = {}
    found = [np.array([known.setdefault(one, len(known)) for one in sets], np.int32)[codes] for codes, sets in parts]
    return np.concatenate(found), tuple(known)


def _joined_amounts(several: Sequence[Amounts]) -> Amounts:
    first = min(next(iter(amounts.parts)) for amounts in several)
    parts = [_from(first, amounts) for amounts in several]
    missing = [np.zeros(len(amounts), np.int8) for amounts in several]
    return Amounts({
        places: np.concatenate([one.get(places, zeros) for one, zeros in zip(parts, missing, strict=True)])
        for places in sorted({places for one in parts for places in one})
    })  # fmt: skip


def _from(first: int, amounts: Amounts) -> Mapping[int, Numbers]:
    """Parts, of which the first has as few places as asked for."""
    parts, places = dict(amounts.parts), next(iter(amounts.parts))
    while places > first:
        parts[places - PART], parts[places] = np.divmod(parts[places].astype(np.int64), _BASE)
        places -= PART
    return parts


_Column = tuple[str, bytes]
_Part = tuple[int, _Column]


class _Packed(msgspec.Struct, array_like=True):
    """Columns as they are stored: integers in the narrowest width that has all."""

    columns: list[_Column]
    tag_sets: list[tuple[str, ...]]
    flag_sets: list[tuple[str, ...]]
    amounts: list[list[_Part]]
    fees_outside: dict[str, list[_Part]] = {}


_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(_Packed).decode


def pack(trips: TripColumns) -> bytes:
    """Trips as the store has them: at least one, with all amounts."""
    columns = (trips.series, trips.opened_ns, trips.closed_ns, trips.fills, trips.tags, trips.flags)
    amounts = [_packed_parts(trips.amounts[name]) for name in AMOUNTS]
    fees_outside = {currency: _packed_parts(fees) for currency, fees in trips.fees_outside.items()}
    plain = [_packed(one) for one in columns]
    return _encode(_Packed(plain, list(trips.tag_sets), list(trips.flag_sets), amounts, fees_outside))


def unpack(stored: bytes, wanted: Collection[str] = AMOUNTS) -> TripColumns:
    """What `pack` made, with some of the amounts."""
    packed = _decode(stored)
    series, opened, closed, fills, tags, flags = (_unpacked(*one) for one in packed.columns)
    amounts = {
        name: _unpacked_parts(parts) for name, parts in zip(AMOUNTS, packed.amounts, strict=True) if name in wanted
    }
    fees_outside = {currency: _unpacked_parts(parts) for currency, parts in packed.fees_outside.items()}
    sets = packed.tag_sets, packed.flag_sets
    return TripColumns(series, opened, closed, fills, tags, flags, *sets, amounts, fees_outside)


def _packed_parts(amounts: Amounts) -> list[_Part]:
    return [(places, _packed(one)) for places, one in amounts.parts.items()]


def _unpacked_parts(parts: Sequence[_Part]) -> Amounts:
    return Amounts({places: _unpacked(*one) for places, one in parts})


def _packed(integers: Numbers) -> _Column:
    largest = max(int(integers.max()), -1 - int(integers.min()))
    width = next(one for one in _WIDTHS if largest <= np.iinfo(one).max)
    return width, integers.astype(width).tobytes()


def _unpacked(width: str, data: bytes) -> Numbers:
    return np.frombuffer(data, width)
