"""What bars of net P&L added, in columns of numbers, so that a hundred thousand are added up at once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec
import numpy as np

from trading_history.figures.trip_columns import Numbers
from trading_history.queries.amount_columns import SEPARATOR, AmountColumn, column_of, integers_of
from trading_history.queries.equity import SECOND, Part
from trading_history.queries.scope import Series
from trading_history.reader import Snapshot

BATCH = 100_000
"""Bars that are read at once, or that a part may have: their texts take some 10 MB."""

HOUR = 3_600
"""Seconds."""

AMOUNTS = ("open", "close", "realized", "fees", "cash", "turnover")

_LINE = "\n"  # is in no JSON of one line
_COLUMNS = ", ".join(f"group_concat({one})" for one in ("start", "fills", *AMOUNTS))
_TEXTS = f"""
SELECT count(*), group_concat(ifnull(fees_outside, ''), '{_LINE}'), {_COLUMNS} FROM json_each(?) CROSS JOIN equity
WHERE curve = ? AND span = ? AND start >= max(value ->> 0, ?) AND start < min(value ->> 1, ?)
"""
_EARLY_TEXTS = f"{_TEXTS} AND start % {HOUR} < ?"
_by_currency = msgspec.json.Decoder(dict[str, Decimal]).decode


class BarColumns(msgspec.Struct, frozen=True, eq=False):
    """Bars in no order. `series` are the places of theirs among those that were asked for, `spans` their seconds,
    `starts` Unix seconds, `fills` numbers of them, `amounts` those of AMOUNTS: `open` and `close` are levels.
    `fees_outside` are, by place, those that some bars have, by currency.
    """

    series: Numbers
    spans: Numbers
    starts: Numbers
    fills: Numbers
    amounts: Mapping[str, AmountColumn]
    fees_outside: Mapping[int, Mapping[str, Decimal]]


def bar_columns(
    snapshot: Snapshot, series: Iterable[Series], parts: Sequence[Part], within: int = HOUR
) -> Iterator[BarColumns]:
    """The stored bars of some series that begin in parts of a range, in the first `within` seconds of an hour, in
    batches.
    """
    statement, more = (_TEXTS, ()) if within == HOUR else (_EARLY_TEXTS, (within,))
    waiting, count = list[_Texts](), 0
    ranges = [(span, msgspec.json.encode(some).decode()) for span, some in _ranges(parts)]
    for place, one in enumerate(series):
        for since, curve, until in snapshot.curves_of(one.id):
            for span, of_span in ranges:
                # Of a curve, a series has all bars that it was in.
                values = (of_span, curve, span, since - span + 1, until - span + 1, *more)
                ((bars, *texts),) = snapshot.connection.execute(statement, values)
                if bars:
                    waiting.append(_Texts(place, span, bars, texts))
                    count += bars
                if count >= BATCH:
                    yield _columns(waiting)
                    waiting, count = [], 0
    if waiting:
        yield _columns(waiting)


def _ranges(parts: Iterable[Part]) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Spans with some ranges of Unix seconds to read them in: in these are at most BATCH bars."""
    waiting = dict[int, list[tuple[int, int]]]()
    counts = dict[int, int]()
    for first_ns, until_ns, span in parts:
        first, stop = (-(-time_ns // SECOND) for time_ns in (first_ns, until_ns))
        for start in range(first, stop, BATCH * span):
            end = min(start + BATCH * span, stop)
            bars = -(-(end - start) // span)
            if counts.get(span, 0) + bars > BATCH:
                yield span, waiting.pop(span)
                counts[span] = 0
            waiting.setdefault(span, []).append((start, end))
            counts[span] = counts.get(span, 0) + bars
    yield from waiting.items()


class _Texts(NamedTuple):
    """The columns of some bars of a series, as texts."""

    series: int
    span: int
    bars: int
    texts: Sequence[str]


def _columns(several: Sequence[_Texts]) -> BarColumns:
    outside, *columns = zip(*(one.texts for one in several), strict=True)
    counts = [one.bars for one in several]
    starts, fills, *amounts = map(SEPARATOR.join, columns)
    each = _LINE.join(outside)
    by_place = enumerate(each.split(_LINE)) if each.strip(_LINE) else ()
    return BarColumns(
        np.repeat([one.series for one in several], counts),
        np.repeat([one.span for one in several], counts),
        integers_of(starts),
        integers_of(fills),
        {name: column_of(text) for name, text in zip(AMOUNTS, amounts, strict=True)},
        {place: _by_currency(text) for place, text in by_place if text},
    )
