"""Which events are in force, after voids and replaces. No I/O.

An event is in force unless a void in force targets it, so a void of a void restores. A fill's content is that of the
last replace in force, by sequence. A fill of an import is in force only while the import is.
"""

from trading_model.accounting.fills import Fill, WideFill, read_event
from trading_model.contents import LedgerEvent
from trading_model.trade import FillContent


class Corrections:
    """The voids and replaces of a ledger. Its memory grows with their number, not with that of the fills."""

    def __init__(self) -> None:
        self.events: list[LedgerEvent] = []
        """The events as they came, for a snapshot."""

        self._voids: dict[int, list[int]] = {}
        self._replaces: dict[int, list[tuple[int, Fill]]] = {}
        self._taken_back: set[str] = set()
        self._renamed: dict[str, set[str]] = {}

    def add(self, event: LedgerEvent) -> None:
        """Take a void or a replace."""
        self.events.append(event)
        if event.replace is not None:
            content = fill_of(event.replace.fill, event.target)
            self._replaces.setdefault(event.target, []).append((event.seq, content))
            if event.replace.was.symbol != content.symbol:
                self._renamed.setdefault(content.symbol, set()).add(event.replace.was.symbol)
        else:
            self._voids.setdefault(event.target, []).append(event.seq)

    def in_force(self, seq: int) -> bool:
        """Whether the event with this sequence counts, as far as voids say."""
        return not any(self.in_force(void) for void in self._voids.get(seq, ()))

    def effective(self, fill: Fill) -> Fill | None:
        """What the fill, given as journaled, really was; None if it never happened."""
        if fill.import_id in self._taken_back or not self.in_force(fill.seq):
            return None
        for seq, content in reversed(self._replaces.get(fill.seq, ())):
            if self.in_force(seq):
                return content
        return fill

    def journaled_as(self, symbols: set[str]) -> set[str]:
        """The symbols that fills of these symbols may have in the journal: those before a replace too."""
        return symbols.union(*(self._renamed[symbol] for symbol in symbols if symbol in self._renamed))

    def set_import(self, import_id: str, in_force: bool) -> None:
        """Say whether an import's fills count."""
        if in_force:
            self._taken_back.discard(import_id)
        else:
            self._taken_back.add(import_id)

    def is_taken_back(self, import_id: str | None) -> bool:
        """Whether the import of a fill is not in force."""
        return import_id in self._taken_back


def root_of(event: LedgerEvent) -> Fill | LedgerEvent | None:
    """The event that a correction is about in the end, as journaled; None if it can't be read."""
    if event.replace is not None:
        return fill_of(event.replace.was, event.target)
    if event.void is None:
        return event
    was = bytes(event.void.was)
    target = read_event(b'{"seq":%d,%b' % (event.target, was[1:]))
    if isinstance(target, LedgerEvent):
        return root_of(target)
    return target if isinstance(target, Fill) else None


def fill_of(content: FillContent, seq: int) -> Fill:
    """A fill from another event's content."""
    return WideFill(
        seq,
        content.symbol,
        content.price,
        content.qty,
        content.side,
        content.ts,
        content.trade_id,
        content.account,
        content.strategy,
        content.fee,
        content.fee_currency,
        currency=content.currency,
        position_side=content.position_side,
        multiplier=content.multiplier,
        import_id=content.import_id,
    )
