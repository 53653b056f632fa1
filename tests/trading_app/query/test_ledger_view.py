"""What the ledger says of an event, against plain bookkeeping: any order of voids and replaces, in process."""

import json
import random
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from service_kit.problems import Problem
from telemetry_stream.events import Batch, Event, Label, Submission
from telemetry_stream.log import PAGE_BYTES
from telemetry_stream.stores.sqlite.journal import Journal
from telemetry_stream.stores.sqlite.reader import JournalReader
from tests.support.examples import some_of
from trading_app.intake.event import TradeIds
from trading_app.ledger.corrections import Decider
from trading_app.ledger.known import Named, known_events
from trading_app.ledger.registry import Registry
from trading_app.ledger.request import MadeIds, read_events
from trading_app.ledger.view import LedgerView
from trading_model.contents import LedgerEvent

NOW_NS = 1_790_000_000 * 10**9
FILL = '"symbol":"A","price":"%d","qty":"1","side":"buy","ts":"2026-01-31T12:00:00Z","account":"a","strategy":"s"'


def fill(number: int, more: str = "") -> Event:
    payload = f'{{"trade_id":"t{number}",{FILL % number}{more}}}'
    return Event(f"fill {number}", payload.encode())


class Imported(Event):
    """The event of an import, which a file's import makes."""

    __slots__ = ("label",)

    def __init__(self, name: str) -> None:
        content = b'{"kind":"import","id":"%b","import":{"name":"f.csv","digest":"d"}}' % name.encode()
        super().__init__(f"import {name}", content)
        self.label = Label("import", name)


class Ledger:
    """A journal with its reader, and what the app keeps of it."""

    def __init__(self, journal: Journal, reader: JournalReader, folder: Path) -> None:
        self.folder = folder
        self._journal = journal
        self.reader = reader
        self.registry = Registry()

    @property
    def view(self) -> LedgerView:
        return LedgerView(self.reader)

    def append(self, *events: Event) -> int:
        """Add events; the sequence of the last."""
        self._journal.append([Submission(events)])
        self.registry.refresh(self.reader)
        return self._journal.head()

    def send(self, **event: Any) -> int | None:
        """As through the API: the sequence, None if it is refused."""
        body = json.dumps(event).encode()
        requests, single = read_events(body, NOW_NS, MadeIds(TradeIds(), NOW_NS, None, "", b""), 1)
        try:
            decided = Decider(self.view, self.registry.copy(), NOW_NS, (), lambda *_: None).decide(
                requests, single=single
            )
        except Problem:
            return None
        before = self._journal.head()
        return head if (head := self.append(*decided)) > before else None


@contextmanager
def ledger() -> Iterator[Ledger]:
    with (
        TemporaryDirectory() as folder,
        closing(Journal(Path(folder))) as journal,
        closing(JournalReader(Path(folder))) as reader,
    ):
        yield Ledger(journal, reader, Path(folder))


def in_force(events: Sequence[LedgerEvent], sequence: int) -> bool:
    """By the definition: no void in force names it."""
    return not any(one.kind == "void" and one.target == sequence and in_force(events, one.seq) for one in events)


@settings(max_examples=some_of(60), deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["void", "void", "replace"]), st.integers(1, 14)), max_size=25))
def test_any_order_of_corrections(steps: list[tuple[str, int]]) -> None:
    with ledger() as book:
        book.append(fill(1), fill(2), fill(3))
        events: list[LedgerEvent] = []
        for number, (kind, place) in enumerate(steps):
            target = 1 + (place - 1) % (len(events) + 3)
            change = {"price": 100 + number} if kind == "replace" else {}
            sequence = book.send(kind=kind, target=target, **change)
            if sequence is not None:
                stored = book.view.event(sequence)
                assert stored is not None
                events.append(msgspec.json.decode(stored.body, type=LedgerEvent))
                assert stored.body.count(b'"seq"') == 1
        for sequence in range(1, 4 + len(events)):
            event = book.view.event(sequence)
            assert event is not None
            assert book.view.in_force(event) == in_force(events, sequence)
            if event.kind != "void":
                assert bool(book.registry.void_of(sequence)) != in_force(events, sequence)
        again = Registry()
        again.refresh(book.reader)
        assert all(again.void_of(one) == book.registry.void_of(one) for one in range(1, 4 + len(events)))
        for sequence in (1, 2, 3):
            said = [one for one in events if one.target == sequence and one.replace and in_force(events, one.seq)]
            event = book.view.event(sequence)
            assert event is not None
            expected = said[-1].replace.fill.price if said and said[-1].replace else sequence
            assert int(json.loads(book.view.now(event)[0])["price"]) == int(expected)


def test_a_void_of_an_import_takes_back_its_fills() -> None:
    with ledger() as book:
        book.append(Imported("i"), fill(1, ',"import_id":"i"'), fill(2))

        def counts(sequence: int) -> bool:
            event = book.view.event(sequence)
            assert event is not None
            return book.view.in_force(event)

        assert book.send(kind="replace", target=2, price=9) == 4
        replaced = book.view.event(2)
        assert replaced is not None
        assert json.loads(book.view.now(replaced)[0])["import_id"] == "i"
        void = book.send(kind="void", target=1)
        assert [counts(2), counts(3)] == [False, True]
        assert book.send(kind="replace", target=2, price=10) is None
        assert book.send(kind="void", target=void) is not None
        assert [counts(2), counts(3)] == [True, True]
        assert book.send(kind="void", target=2) is not None
        assert counts(2) is False


def test_a_fill_can_be_replaced_a_hundred_times() -> None:
    with ledger() as book:
        book.append(fill(1))
        assert all(book.send(kind="replace", target=1, price=1_000 + number) for number in range(100))
        assert book.send(kind="replace", target=1, price=1) is None
        event = book.view.event(1)
        assert event is not None
        assert json.loads(book.view.now(event)[0])["price"] == "1099"
        assert book.send(kind="void", target=1) is not None


def test_what_corrects_an_event_is_found_without_reading_fills() -> None:
    """The same number of rows, and of events, in a ledger ten times as long."""

    class Counting(LedgerView):
        """Counts the rows that are read."""

        rows = 0

        def event(self, sequence: int) -> Any:
            self.rows += 1
            return super().event(sequence)

    counts = []
    for length in (300, 3_000):
        with ledger() as book:
            for start in range(0, length, 100):
                book.append(*(fill(start + number) for number in range(100)))
            book.send(kind="void", target=5)
            view = Counting(book.reader)
            event = view.event(5)
            assert not view.in_force(event)
            assert len(list(view.story(5, 10))) == 1
            counts.append(view.rows)
    assert counts[0] == counts[1] == 2


class CountingReader(JournalReader):
    """Counts the rows that are read."""

    rows = 0

    def read(self, after: int, limit: int, page_bytes: int = PAGE_BYTES) -> Batch:
        self.rows += 1
        return super().read(after, limit, page_bytes)


def test_events_that_are_corrected_in_any_order_are_read_row_by_row_once() -> None:
    rows, each = 20, 10
    with ledger() as book:
        for row in range(rows):
            book.append(*(fill(row * each + number + 1) for number in range(each)))
        targets = list(range(1, rows * each + 1))
        random.Random(1).shuffle(targets)
        body = json.dumps([{"kind": "void", "target": target} for target in targets]).encode()
        requests, single = read_events(body, NOW_NS, MadeIds(TradeIds(), NOW_NS, None, "", b""), len(targets))
        with closing(CountingReader(book.folder)) as reader:
            decider = Decider(LedgerView(reader), book.registry.copy(), NOW_NS, (), lambda *_: None)
            events = decider.decide(requests, single=single)
            assert [event.label and event.label.target for event in events] == targets
            assert reader.rows == rows
        book.append(*events)
        names = [Named("void", f"void-{target}") for target in targets]
        with closing(CountingReader(book.folder)) as reader:
            found = json.loads(known_events(reader, book.registry, names, None))
            assert (found["new"], len(found["known"]), reader.rows) == (0, len(names), 1)
