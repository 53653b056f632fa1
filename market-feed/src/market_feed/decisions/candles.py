"""The closed candles of one instrument: each once; those that were missed are asked for by their number. No I/O.

A candle has its time in it and waits for none: one that was missed comes after later ones.
"""

from collections.abc import Iterable

from market_feed.market import Candle
from telemetry_stream.id_spaces import IdSpace


class Candles:
    """What of an instrument's candles is known, by their numbers."""

    def __init__(self, known: IdSpace | None) -> None:
        """`known` is what the journal has."""
        self._space = IdSpace(known.head, list(known.gaps)) if known else None
        self._begins_at_us: int | None = None

    @property
    def missing(self) -> int | None:
        """The number of the first candle that was missed; None if none was."""
        return self._space.gaps[0][0] if self._space and self._space.gaps else None

    def begin_at(self, time_us: int) -> None:
        """Want no candle that begins before this time, in microseconds since 1970, if none is known from then on."""
        self._begins_at_us = time_us

    def take(self, candle: Candle) -> list[Candle]:
        """The candle, unless it is known."""
        if self._begins_at_us is not None:
            first = -(-self._begins_at_us // (candle.start_us // candle.number))
            self._begins_at_us = None
            if candle.number >= first and (self._space is None or self._space.head < first - 1):
                self._space = IdSpace(first - 1)
        if self._space is None:
            self._space = IdSpace(candle.number - 1)
        return [candle] if self._space.claim(candle.number) else []

    def page_ended(self, asked: int, candles: Iterable[Candle]) -> list[Candle]:
        """The candles of the venue's answer that were missed. What it leaves out before its last one does not exist."""
        space = self._space
        found = sorted((one for one in candles if one.number >= asked), key=lambda candle: candle.number)
        if space is None or not found:
            return []
        last = min(found[-1].number, space.head)
        missed = [one for one in found if one.number <= last and space.claim(one.number)]
        space.gaps = [(max(a, last + 1) if a >= asked else a, b) for a, b in space.gaps if not asked <= a <= b <= last]
        return missed
