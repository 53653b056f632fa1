"""The openings, splits and moves in force, and the steps that they are for a position. No I/O."""

from collections.abc import Callable
from decimal import Decimal

from trading_model.accounting.book import BookKey
from trading_model.accounting.fills import LineKey
from trading_model.accounting.index import Index
from trading_model.accounting.marks import SplitOfMark
from trading_model.accounting.steps import Carried, MoveStep, OpeningStep, OtherStep, SplitStep
from trading_model.contents import Holder, LedgerEvent, Opening, Split
from trading_model.instruments import Instruments, Terms


class Adjustments:
    """The adjustments of one ledger, by sequence. The symbols in them mean what `instruments` say."""

    def __init__(self, instruments: Instruments) -> None:
        self._instruments = instruments
        self._events: dict[int, LedgerEvent] = {}
        self._owned = Index[BookKey, LedgerEvent](instruments, self._named_by)
        self._split = Index[str, LedgerEvent](instruments, self._split_by)
        self.carried: dict[int, Carried] = {}
        """The costs that moves carry in the live fold, by sequence."""

    def put(self, event: LedgerEvent) -> None:
        """Put one in force."""
        self._events[event.seq] = event
        self._owned.put(event.seq, event)
        self._split.put(event.seq, event)

    def remove(self, seq: int) -> None:
        """Take one out."""
        self._events.pop(seq, None)
        self._owned.remove(seq)
        self._split.remove(seq)

    def _named_by(self, event: LedgerEvent) -> list[BookKey]:
        return [self.book_key(owner) for owner in self.owners_of(event)]

    def _split_by(self, event: LedgerEvent) -> list[str]:
        return [] if event.split is None else [self._canonical(event.split)]

    def steps_of(self, key: BookKey, carried: dict[int, Carried] | None = None) -> list[OtherStep]:
        """The steps of a position. `carried` holds the costs that moves carry; those of the live fold by default."""
        if not self._events:
            return []
        links = self.carried if carried is None else carried
        events = [*self._owned.of(key), *self._split.of(key.symbol)]
        return [step for event in events for step in self._steps(event, key, links)]

    def _steps(self, event: LedgerEvent, key: BookKey, links: dict[int, Carried]) -> list[OtherStep]:
        if event.opening is not None:
            owns = self.book_key(owner_of(event.opening)) == key
            return [OpeningStep.of(event.seq, event.opening)] if owns else []
        if event.split is not None:
            return [SplitStep.of(event.seq, event.split)] if self.concerns(event.split, key) else []
        assert event.move is not None
        return [
            MoveStep.of(event.seq, event.move, comes_in, links.setdefault(event.seq, Carried()))
            for comes_in, holder in ((False, event.move.source), (True, event.move.sink))
            if holder is not None and self.book_key(owner_of(holder)) == key
        ]

    def concerns(self, split: Split, key: BookKey) -> bool:
        """Whether a split is one of a position's symbol and account."""
        return (
            self._canonical(split) == key.symbol
            and split.account in (None, key.account)
            and split.strategy in (None, key.strategy)
        )

    def owners_of(self, event: LedgerEvent) -> list[LineKey]:
        """The keys that an opening or a move names."""
        if event.opening is not None:
            return [owner_of(event.opening)]
        if event.move is not None:
            return [owner_of(holder) for holder in (event.move.source, event.move.sink) if holder is not None]
        return []

    def splits_of(self, symbol: str) -> list[SplitOfMark]:
        """The splits of a canonical symbol that concern all accounts, in the order of trading."""
        return self._splits(symbol, lambda split: split.account is None)

    def own_splits_of(self, key: BookKey) -> list[SplitOfMark]:
        """The splits that concern a position, and not all accounts, in the order of trading."""
        return self._splits(key.symbol, lambda split: split.account is not None and self.concerns(split, key))

    def _splits(self, symbol: str, wanted: Callable[[Split], bool]) -> list[SplitOfMark]:
        splits = [event.split for event in self._split.of(symbol) if event.split is not None and wanted(event.split)]
        return sorted(SplitOfMark(split.ts, split.n, split.d) for split in splits)

    def _canonical(self, split: Split) -> str:
        return self._instruments.terms(split.symbol).canonical

    def sink_of(self, seq: int) -> tuple[LineKey, str] | None:
        """Where the move with this sequence goes to, and its time."""
        event = self._events.get(seq)
        if event is None or event.move is None or event.move.sink is None:
            return None
        return owner_of(event.move.sink), event.move.ts

    def linked(self, key: BookKey) -> set[BookKey]:
        """The positions whose cost depends on this one's, or on which its own does, by moves without a price."""
        found, waiting = {key}, [key]
        while waiting:
            moves = [event for event in self._owned.of(waiting.pop()) if event.move and event.move.price is None]
            beside = {other for event in moves for other in self._named_by(event)} - found
            found |= beside
            waiting += beside
        return found - {key}

    def book_key(self, key: LineKey, multiplier: Decimal | None = None) -> BookKey:
        """The position that a key as sent belongs to."""
        return book_key(key, self._instruments.terms(key.symbol, key.currency, multiplier))


def book_key(key: LineKey, terms: Terms) -> BookKey:
    """The position that a key as sent belongs to."""
    return BookKey(key.account, key.strategy, terms.canonical, key.position_side, terms.currency)


def owner_of(content: Opening | Holder) -> LineKey:
    """The key that an opening, or one side of a move, names."""
    return LineKey(
        content.account, content.strategy, content.symbol, content.position_side or "", content.currency or ""
    )
