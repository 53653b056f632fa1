"""The order of trading: by which steps of a position are folded, whatever the order in which they arrive. No I/O.

By time; at the same time openings, splits, moves, fills; then by the number that the trade id is, those without one
last; then by sequence. A replaced fill keeps its sequence and its trade id.
"""

from typing import NamedTuple

OPENING, SPLIT, MOVE, FILL = range(4)


class Order(NamedTuple):
    """A place in the order. `time` is RFC 3339 in UTC without its Z: as text it sorts as the times do."""

    time: str
    rank: int
    unnumbered: bool
    number: int
    seq: int


FIRST = Order("", 0, False, 0, 0)
"""Before everything."""


def order_of_fill(ts: str, trade_id: str, seq: int) -> Order:
    """The place of a fill."""
    if trade_id.isdigit() and trade_id.isascii():
        return Order(_time(ts), FILL, False, int(trade_id), seq)
    return Order(_time(ts), FILL, True, 0, seq)


def order_of_other(ts: str, rank: int, seq: int) -> Order:
    """The place of an opening, a split or a move."""
    return Order(_time(ts), rank, True, 0, seq)


def _time(ts: str) -> str:
    """A time as text: the same instant gives the same text, whatever zeros its writer put at the end."""
    return ts[:-1].rstrip("0").rstrip(".") if "." in ts else ts[:-1]
