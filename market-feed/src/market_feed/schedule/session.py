"""One market's openings as they come and go: when to connect, what belongs in, when it is over. No I/O.

Times are microseconds since 1970, by this machine's clock where nothing else is said.
"""

from dataclasses import dataclass
from typing import Literal

from market_feed.schedule.calendar import SECOND_US, Calendar, Interval

LEAD_US = 30 * SECOND_US
"""Connect so long before an opening."""

TAIL_US = 10 * SECOND_US
"""Read so long past its end, unless trades of after the end come before."""

TRADES_AFTER = 3
"""Trades of after the end, in a row, that show that it is over: one alone may have a wrong time."""

Change = Literal["begins", "opens", "ends"]


@dataclass(slots=True)
class Session:
    """The openings of one market. `current` is the one that it is connected for.

    `is_open` is set by whoever acts on `opens`.
    """

    calendar: Calendar
    current: Interval | None = None
    is_open: bool = False
    _after: int = 0
    """Trades of after the end since the last one of before it."""

    _last_end_us: int = 0

    @property
    def is_followed(self) -> bool:
        """Whether the market is to be connected."""
        return self.calendar.is_always_open or self.current is not None

    def admits(self, time_us: int) -> bool:
        """Whether a trade of this time, the venue's, belongs to an opening."""
        return self.calendar.is_always_open or self.calendar.opening_at(time_us) is not None

    def admits_all(self, earliest_us: int, latest_us: int) -> bool:
        """Whether all trades of these times, the venue's, belong to one opening."""
        opening = self.calendar.opening_at(earliest_us)
        return opening is not None and latest_us < opening.end_us

    def note_trade(self, time_us: int) -> None:
        """A trade came; after some of after the end nothing more is expected."""
        if self.current is not None:
            self._after = self._after + 1 if time_us >= self.current.end_us else 0

    def changes(self, now_us: int) -> list[Change]:
        """What happens now: `begins` to be followed, `opens`, `ends`; in this order."""
        changes: list[Change] = []
        if self.calendar.is_always_open:
            return changes
        if self.current is not None and (self._after >= TRADES_AFTER or now_us >= self.current.end_us + TAIL_US):
            changes += ["ends"]
        elif self.current is None:
            found = next(self.calendar.intervals(max(now_us, self._last_end_us), days=7), None)
            if found is not None and found.start_us - LEAD_US <= now_us:
                self.current = found
                changes += ["begins"]
        if self.current is not None and not self.is_open and now_us >= self.current.start_us and "ends" not in changes:
            changes += ["opens"]
        return changes

    def end(self) -> None:
        """The end was acted on."""
        if self.current is not None:
            self._last_end_us = self.current.end_us
        self.current, self.is_open, self._after = None, False, 0
