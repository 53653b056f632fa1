"""Many events of other kinds that come together: each costs the history the same, however many positions there are."""

from pathlib import Path

import pytest

from tests.support.instructions import instructions
from tests.support.many_events import FIRST, KINDS, Make, events, symbol
from tests.trading_history.ledgers import Ledger, take
from trading_history.writer import HistoryWriter


def settle(writer: HistoryWriter, ledger: Ledger) -> None:
    """Apply all events that are missing, and fold what they change."""
    take(writer, ledger, len(ledger.events))
    while not writer.figures_are_settled:
        writer.advance_figures()


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_each_of_many_events_takes_as_much_with_four_times_as_many_positions(make: Make, tmp_path: Path) -> None:
    taken = list[float]()
    for count in (50, 200):
        folder = tmp_path / str(count)
        folder.mkdir()
        writer, ledger = HistoryWriter(folder, with_figures=True), Ledger()
        try:
            for number in range(count):
                ledger.fill(symbol=symbol(number), ts=FIRST)
            settle(writer, ledger)
            for event in events(make, range(count)):
                ledger.add(event)
            taken.append(instructions(lambda: settle(writer, ledger)) / count)  # noqa: B023 -- called at once
        finally:
            writer.close()
    assert taken[1] < 1.5 * taken[0]
