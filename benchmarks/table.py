"""What a figure reports: rows of goal, measured, ratio and verdict, and how they are printed. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

HEADER = ("figure", "what", "goal", "measured", "ratio", "")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `ratio` says how far the goal is met: from 1 up it is; None: there is no goal for it, or
    it could not be measured, and `measured` says why.
    """

    what: str
    goal: str
    measured: str
    ratio: float | None = None

    @property
    def verdict(self) -> Literal["pass", "short", "–"]:
        """Whether the goal is met; a goal that is missed fails nothing."""
        if self.ratio is None:
            return "–"
        return "pass" if self.ratio >= 1 else "short"

    def cells(self, figure: str) -> tuple[str, ...]:
        """The cells of the row, in the order of HEADER."""
        ratio = "–" if self.ratio is None else f"{self.ratio:.2f}"
        return figure, self.what, self.goal, self.measured, ratio, self.verdict


def at_least(what: str, goal: float, measured: float, unit: str, details: str = "") -> Row:
    """A row for what is to be high. `details` is added to the measured value."""
    return Row(what, f"≥ {number(goal)}{unit}", f"{number(measured)}{unit}{details}", measured / goal)


def at_most(what: str, goal: float, measured: float, unit: str, details: str = "") -> Row:
    """A row for what is to be low."""
    return Row(what, f"≤ {number(goal)}{unit}", f"{number(measured)}{unit}{details}", goal / measured)


def number(value: float) -> str:
    """With as many digits as mean something."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def as_text(rows: Sequence[tuple[str, ...]]) -> str:
    """A table for a terminal."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
