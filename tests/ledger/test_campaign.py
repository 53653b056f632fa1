"""Random ledgers: the fold gives every figure as the oracle does, in memory and with restarts."""

import pytest

from tests.support.random_ledger import SYMBOLS, random_ledger
from tests.torture.ledger import compare

KINDS = {"void", "replace", "cash", "split", "opening", "move", "instrument", "price", "rate", "import", "note"}


@pytest.mark.long
@pytest.mark.parametrize("seed", range(12))
def test_the_fold_equals_the_oracle(seed: int) -> None:
    assert compare(seed, 150) == []


def test_random_ledgers_have_all_kinds_of_events_and_all_symbols() -> None:
    events = random_ledger(1, 1_000)
    assert {event["kind"] for event in events if "kind" in event} == KINDS
    assert {event["symbol"] for event in events if "kind" not in event} == {"SHARE", *(one.name for one in SYMBOLS)}
    times = [event["ts"] for event in events if "kind" not in event]
    assert len(set(times)) == len(times)
    assert times != sorted(times)


def test_the_same_seed_gives_the_same_ledger() -> None:
    assert random_ledger(3, 200) == random_ledger(3, 200)
    assert random_ledger(3, 200) != random_ledger(4, 200)
