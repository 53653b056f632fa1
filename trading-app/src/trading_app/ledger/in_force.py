"""Which events of the ledger are in force at one moment, after voids and replaces.

The store lists corrections by their labels, so this takes time and memory by the number of corrections, not of fills.
"""

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from telemetry_stream.events import Labelled
from telemetry_stream.log import StreamReader
from trading_app.ledger.view import LedgerView
from trading_model.kinds import VOID

_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Corrections:
    """What the events up to the sequence `head` say of each other.

    `voided` are the events that never happened, voids themselves left out. `replaces` has the replace in force of a
    fill, both by sequence; `replaced` are its keys in order. The fills of `taken_back` imports never happened.
    """

    head: int = 0
    voided: frozenset[int] = frozenset()
    replaces: Mapping[int, int] = field(default_factory=dict)
    replaced: Sequence[int] = ()
    taken_back: frozenset[bytes] = frozenset()

    def contents(self, reader: StreamReader, first: int, last: int) -> dict[int, bytes]:
        """What the replaced fills in this range say now, by sequence. Raises DamagedHistory, StoreBusy."""
        view = LedgerView(reader)
        fills = self.replaced[bisect_left(self.replaced, first) : bisect_right(self.replaced, last)]
        return {fill: _content(view, self.replaces[fill]) for fill in fills}

    def any_replaced(self, first: int, last: int) -> bool:
        """Whether a fill in this range is replaced."""
        return bisect_left(self.replaced, first) < bisect_right(self.replaced, last)


class CorrectionsReader:
    """Gives the corrections at the head. Reads only what came since the last time. For several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._head = 0
        self._voids = dict[int, int]()
        self._replaces = list[Labelled]()
        self._imports = list[Labelled]()
        self._known = Corrections()

    def read(self, reader: StreamReader) -> Corrections:
        """The corrections at the head of now. Raises DamagedHistory, StoreBusy."""
        with self._lock:
            head = reader.head()
            voids = list(self._new(reader, VOID, head))
            replaces, imports = list(self._new(reader, "replace", head)), list(self._new(reader, "import", head))
            if voids or replaces or imports:
                self._voids |= {one.sequence: one.label.target for one in voids}
                self._replaces += replaces
                self._imports += imports
                self._known = self._settle()
            self._head = head
            known = self._known
            return Corrections(head, known.voided, known.replaces, known.replaced, known.taken_back)

    def _new(self, reader: StreamReader, kind: str, head: int) -> Iterator[Labelled]:
        after = self._head
        while found := reader.labelled(kind=kind, after=after, limit=_PAGE):
            yield from (one for one in found if one.sequence <= head)
            after = found[-1].sequence

    def _settle(self) -> Corrections:
        voided = set[int]()
        for target in self._voids.values():
            root = target
            while root in self._voids:
                root = self._voids[root]
            voided ^= {root}  # each event has one void at most, so each void in a chain turns its root over
        replaces = {one.label.target: one.sequence for one in self._replaces if one.sequence not in voided}
        taken_back = frozenset(one.label.id.encode() for one in self._imports if one.sequence in voided)
        return Corrections(self._head, frozenset(voided), replaces, sorted(replaces), taken_back)


def _content(view: LedgerView, replace: int) -> bytes:
    event = view.event(replace)
    assert event is not None, "its label was stored with it"
    return bytes(event.content["fill"])
