"""The last batches, from which recent fills are folded again."""

import pytest

from telemetry_stream.events import Batch
from tests.metrics_sidecar.builders import STREAM, Trade, batch, event, trade
from trading_model.accounting import window
from trading_model.accounting.window import Window

FILL = trade("buy", "1", "10")


def sequences(held: Window, after: int, until: int, *symbols: str) -> list[int]:
    return [fill.seq for fill in held.fills(after, until, symbols)]


def filled(*sizes: int, given: Trade = FILL) -> Window:
    """A window with batches of these sizes."""
    held, first = Window(0), 1
    for size in sizes:
        held.add(batch([given] * size, first), 0)
        first += size
    return held


@pytest.mark.parametrize(
    ("after", "until", "expected"), [(0, 6, [1, 2, 3, 4, 5, 6]), (2, 5, [3, 4, 5]), (3, 3, []), (5, 99, [6])]
)
def test_fills_between_two_sequences_are_found(after: int, until: int, expected: list[int]) -> None:
    assert sequences(filled(1, 3, 2), after, until) == expected


def test_events_that_were_skipped_are_not_in_it() -> None:
    held = Window(2)
    held.add(batch([FILL] * 4), 2)
    assert sequences(held, 0, 4) == [3, 4]
    assert held.after == 2


def test_batches_without_a_symbol_are_passed_over() -> None:
    held = filled(2)
    held.add(batch([trade("buy", "1", "1", symbol="BTC/USDT"), FILL], 3), 0)
    assert sequences(held, 0, 4, "BTC/USDT") == [3]
    assert sequences(held, 0, 4, "ETH/USDT") == []


def test_other_kinds_and_what_can_not_be_read_are_passed_over() -> None:
    events = [event(1, FILL), event(2, {"kind": "note", "aside": True, "note": {}}), b'{"seq":3,"x":1}', event(4, FILL)]
    held = Window(0)
    held.add(Batch(STREAM, 1, 4, b",".join(events)), 0)
    assert sequences(held, 0, 4) == [1, 4]


@pytest.mark.parametrize("limit", ["MAX_EVENTS", "MAX_BYTES"])
def test_what_is_too_old_is_dropped_by_whole_batches(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    bytes_of_one = len(batch([FILL]).events)
    monkeypatch.setattr(window, limit, 40 if limit == "MAX_EVENTS" else 40 * bytes_of_one)
    held = filled(*[5] * 30)
    assert 150 - 40 <= held.after <= 150 - 20
    assert sequences(held, 0, 150) == list(range(held.after + 1, 151))


def test_the_last_batch_stays_however_large_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "MAX_EVENTS", 4)
    held = filled(2, 9)
    assert (held.after, len(sequences(held, 0, 11))) == (2, 9)
