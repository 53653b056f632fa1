"""Who keeps the books in a test: the oracle, or the product. Both give figures in one form."""

from collections.abc import Callable
from fractions import Fraction

from tests.support import ledger_oracle
from tests.support.ledger_builder import LedgerBuilder
from tests.support.ledger_figures import SHOWN, Figures, Position, same
from tests.support.ledger_fold import fold_in_memory, fold_with_restarts

Keep = Callable[[LedgerBuilder], Figures]


def by_oracle(ledger: LedgerBuilder) -> Figures:
    """The oracle's figures."""
    return ledger_oracle.figures(ledger.events)


def by_fold(ledger: LedgerBuilder) -> Figures:
    """The figures of the sidecar's fold, in memory."""
    return fold_in_memory(ledger.events)


def by_fold_with_restarts(ledger: LedgerBuilder) -> Figures:
    """The figures of the sidecar's fold, through snapshots and the store of fills."""
    return fold_with_restarts(ledger.events, seed=len(ledger.events))


def the_position(kept: Figures, **of: str) -> Position:
    """The only position that has these members in its key."""
    (found,) = [position for key, position in kept.positions.items() if of.items() <= key._asdict().items()]
    return found


def expect(position: Position, **figures: str | float | Fraction | None) -> None:
    """Assert figures of a position, by name: text and integers exactly, fractions as far as they are shown."""
    for name, figure in figures.items():
        shown = getattr(position, name)
        if isinstance(figure, Fraction):
            assert same(figure, shown, SHOWN), f"{name} is {float(shown)}, expected {float(figure)}"
        else:
            assert shown == (Fraction(figure) if isinstance(figure, str) else figure), f"{name} of {position}"
