"""The search of fills finds what the plain way finds, a page after the other, in both directions."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.trading_history.ledgers import Event, Ledger, a_random_ledger, fold, in_order, key_of
from trading_history.queries.imports import imports
from trading_history.queries.keys import Wanted, traded_keys
from trading_history.queries.trades import Between, FoundFill, Place, Search, search
from trading_history.reader import HistoryReader
from trading_model.timestamps import unix_ns

PAGE = 7


def found(folder: Path, wanted: Search, *, newest_first: bool = True) -> list[FoundFill]:
    """All pages of a search, in one list."""
    reader, pages = HistoryReader(folder), list[FoundFill]()
    place: Place | None = None
    with reader.snapshot() as snapshot:
        while True:
            page, place = search(snapshot, wanted, PAGE, place, newest_first=newest_first)
            assert len(page) == PAGE or place is None
            pages += page
            if place is None:
                break
    reader.close()
    return pages


SEARCHES: dict[str, tuple[Search, Any]] = {
    "all": (Search(), lambda _: True),
    "account and symbol": (
        Search(Wanted(account="default", symbol="susde")), lambda fill: fill["symbol"].upper() == "SUSDE"
    ),
    "range": (
        Search(first_ns=unix_ns("2026-03-04T05:06:01Z"), until_ns=unix_ns("2026-03-04T05:06:02.5Z")),
        lambda fill: "2026-03-04T05:06:01" <= fill["ts"][:-1] < "2026-03-04T05:06:02.5",
    ),
    "amounts": (
        Search(price=Between(Decimal(10), Decimal("50.5")), qty=Between(Decimal("30.5"), None)),
        lambda fill: 10 <= Decimal(fill["price"]) <= Decimal("50.5") and Decimal(fill["qty"]) >= Decimal("30.5"),
    ),
    "tag and side": (
        Search(tag="ü", side="sell"), lambda fill: "ü" in fill.get("tags", ()) and fill["side"] == "sell"
    ),
    "strategy": (Search(Wanted(strategy="carry")), lambda fill: fill["strategy"] == "carry"),
}  # fmt: skip


Stored = tuple[Path, list[tuple[int, Event]]]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    """A store, and its fills in force in the order of trading, the plain way."""
    folder, ledger = tmp_path_factory.mktemp("search"), a_random_ledger(17)
    fold(folder, ledger)
    return folder, sorted((fill for fills in ledger.effective().values() for fill in fills), key=in_order)


@pytest.mark.parametrize("newest_first", [True, False], ids=["newest first", "oldest first"])
@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_finds_what_the_plain_way_finds(stored: Stored, name: str, newest_first: bool) -> None:
    folder, in_force = stored
    wanted, matches = SEARCHES[name]
    expected = [fill for fill in in_force if matches(fill[1])]
    assert expected
    if newest_first:
        expected.reverse()
    assert [shape(fill) for fill in found(folder, wanted, newest_first=newest_first)] == [
        (seq, key_of(fill), fill["price"], fill["qty"], fill["symbol"]) for seq, fill in expected
    ]


def shape(fill: FoundFill) -> tuple[Any, ...]:
    """What is compared."""
    return fill.place.seq, fill.key, fill.price, fill.qty, fill.symbol


def test_a_fill_comes_with_its_corrections_and_voided_ones_on_demand(tmp_path: Path) -> None:
    ledger = Ledger()
    first = ledger.fill()
    second = ledger.fill(price="2")
    replace = ledger.replace(first, price="3")
    void = ledger.void(second)
    fold(tmp_path, ledger)
    (only,) = found(tmp_path, Search())
    assert (only.place.seq, only.price, [one.seq for one in only.corrections]) == (first, "3", [replace])
    both = found(tmp_path, Search(voided=True))
    assert [(one.place.seq, one.in_force) for one in both] == [(second, False), (first, True)]
    assert [(one.kind, one.seq, one.in_force) for one in both[0].corrections] == [("void", void, True)]


def test_an_undone_import_is_found_only_among_the_voided(tmp_path: Path) -> None:
    ledger = Ledger()
    import_ = ledger.import_("i-1")
    ledger.fill(import_id="i-1")
    ledger.fill(ts="2026-03-05T00:00:00Z")
    ledger.void(import_)
    fold(tmp_path, ledger)
    assert [fill.import_id for fill in found(tmp_path, Search())] == [None]
    assert found(tmp_path, Search(import_id="i-1")) == []
    (taken_back,) = found(tmp_path, Search(import_id="i-1", voided=True))
    assert not taken_back.in_force
    reader = HistoryReader(tmp_path)
    with reader.snapshot() as snapshot:
        (listed,) = imports(snapshot, 2**62, 10)
        assert (listed.id, listed.in_force, listed.content.name) == ("i-1", False, "i-1.csv")
        assert imports(snapshot, listed.seq, 10) == []
        (key,) = traded_keys(snapshot, Wanted())
        assert key.first_ns == key.last_ns == unix_ns("2026-03-05T00:00:00Z")
    reader.close()


def test_corrections_are_of_the_events_that_were_journaled(tmp_path: Path) -> None:
    ledger = a_random_ledger(5)
    fold(tmp_path, ledger)
    corrected: dict[int, Event] = {
        number: event for number, event in enumerate(ledger.events, 1) if event.get("kind") in ("void", "replace")
    }
    for fill in found(tmp_path, Search(voided=True)):
        for one in fill.corrections:
            assert (one.kind, one.in_force) == (corrected[one.seq]["kind"], ledger.in_force(one.seq))
