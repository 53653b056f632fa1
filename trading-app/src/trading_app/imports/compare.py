"""Asks the app which rows of the spool the ledger has, and notes it beside them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import NamedTuple

import msgspec

from trading_app.imports.ledger import JSON, LINES, CallRefused, Ledger
from trading_app.imports.parts import Parts
from trading_app.imports.report import Different
from trading_app.imports.row_ids import sent_id
from trading_app.imports.spool import Note, Spool
from trading_app.intake.known import KnownEvents, KnownTrades

BATCH = 2_000
"""Rows in a request."""

MAX_BODY_BYTES = 1_000_000
MAX_DIFFERENCES = 100


class BadRows(Exception):
    """The app does not take some rows. `items` has the place of each, the member, and why."""

    def __init__(self, items: Sequence[tuple[int, str, str]]) -> None:
        super().__init__(items[0][2] if items else "")
        self.items = items


Line = tuple[int, int, bytes]
"""Number of the row, place in the file, JSON."""


def batches(lines: Iterable[Line], size: int = BATCH) -> Iterator[list[Line]]:
    """Lines in batches of at most `size` and MAX_BODY_BYTES."""
    lines = iter(lines)
    held: list[Line] = []
    weight = 0
    for line in lines:
        if held and (len(held) >= size or weight + len(line[2]) > MAX_BODY_BYTES):
            yield held
            held, weight = [], 0
        held.append(line)
        weight += len(line[2]) + 1
    if held:
        yield held


class Comparison(msgspec.Struct):
    """The first rows that differ; and up to which sequence similar fills were looked for, None if they were not.

    `forms` are symbols of new rows, each with another one that its account has of the same market.
    """

    different: list[Different]
    history: int | None
    forms: set[tuple[str, str]]


def compare(
    spool: Spool, lines: Iterator[Line], ledger: Ledger, progress: Callable[[int], object] = bool
) -> Comparison:
    """Note what the ledger has of these fills.

    Raises CallRefused, Unanswered; BadRows for rows that the app would not take.
    """
    different: list[Different] = []
    history: int | None = None
    forms = set[tuple[str, str]]()
    done = 0
    with ThreadPoolExecutor(1, thread_name_prefix="compare") as asking:
        waiting, parts = batches(lines), Parts(BATCH)

        def ask(batch: list[Line]) -> list[tuple[Sequence[Line], KnownTrades]]:
            return parts.call(batch, lambda part: _ask(ledger, part))

        # One request is under way while the next is put together; the app answers in the meantime.
        ahead = [asking.submit(ask, batch) for batch in islice(waiting, 2)]
        while ahead:
            answered = ahead.pop(0).result()
            ahead += [asking.submit(ask, following) for following in islice(waiting, 1)]
            for batch, found in answered:
                history = found.history
                forms.update((symbol, other) for symbol, other in found.forms)
                notes = list(_notes(batch, found))
                known = {note.n for note in notes if note.what != "similar"}
                _note_sent(spool, ledger, batch, known, notes)
                spool.note(notes)
                places = {index: batch[index][1] for index in (one.index for one in found.different)}
                room = max(0, MAX_DIFFERENCES - len(different))
                different += [Different(places[one.index], one.seq, one.fields) for one in found.different[:room]]
                done += len(batch)
            progress(done)
    return Comparison(different, history, forms)


def compare_events(spool: Spool, ledger: Ledger) -> list[Different]:
    """Note what the ledger has of all events of other kinds. Returns the first that say something else there.

    Raises CallRefused, Unanswered; BadRows for events that the app would not take.
    """
    different: list[Different] = []
    for asked in (_as_made, _as_made_earlier):
        events, parts = asked(spool), Parts(BATCH)
        for part, found in parts.call(events, lambda part: _ask_events(ledger, part)):
            spool.note_events(Note(part[index].n, "known", sequence) for index, sequence in found.known)
            spool.note_events(Note(part[one.index].n, "taken_back", one.seq, one.void) for one in found.taken_back)
            spool.note_events(Note(part[one.index].n, "different", one.seq) for one in found.different)
            different += [Different(part[one.index].place, one.seq, one.fields) for one in found.different]
    return different[:MAX_DIFFERENCES]


class _AskedEvent(NamedTuple):
    n: int
    place: int
    line: bytes


def _as_made(spool: Spool) -> list[_AskedEvent]:
    return [_AskedEvent(n, place, line) for n, place, _, _, _, line in spool.events()]


def _as_made_earlier(spool: Spool) -> list[_AskedEvent]:
    """The new events, under the ids that earlier versions made."""
    return [
        _AskedEvent(n, 0, msgspec.json.encode({"kind": kind, "id": earlier}))
        for n, kind, earlier in spool.earlier_ids()
    ]


def _ask_events(ledger: Ledger, part: Sequence[_AskedEvent]) -> KnownEvents:
    body = b"[" + b",".join(one.line for one in part) + b"]"
    try:
        return msgspec.json.decode(ledger.post("/known/events", body, JSON), type=KnownEvents)
    except CallRefused as refused:
        raise _bad_rows(refused, [one.place for one in part]) from None


def _ask(ledger: Ledger, batch: Sequence[Line]) -> KnownTrades:
    try:
        return _known(ledger, [line for _, _, line in batch])
    except CallRefused as refused:
        raise _bad_rows(refused, [place for _, place, _ in batch]) from None


def _bad_rows(refused: CallRefused, places: Sequence[int]) -> Exception:
    """The rows that a refusal names, by their places; the refusal itself where it names none."""
    items = [
        (places[item.index], item.pointer.rpartition("/")[2], item.detail)
        for item in refused.items
        if item.index is not None and item.index < len(places)
    ]
    return BadRows(items) if refused.status == 422 and items else refused


def _known(ledger: Ledger, lines: Sequence[bytes]) -> KnownTrades:
    return msgspec.json.decode(ledger.post("/known?similar=true", b"\n".join(lines), LINES), type=KnownTrades)


def _notes(batch: Sequence[Line], found: KnownTrades) -> Iterator[Note]:
    for index, sequence in found.known:
        yield Note(batch[index][0], "known", sequence)
    for one in found.taken_back:
        yield Note(batch[one.index][0], "taken_back", one.seq, one.void, one.import_id or "")
    for other in found.different:
        yield Note(batch[other.index][0], "different", other.seq, other.void or 0)
    for index, sequence in found.similar:
        yield Note(batch[index][0], "similar", sequence)


def _note_sent(spool: Spool, ledger: Ledger, batch: Sequence[Line], noted: set[int], notes: list[Note]) -> None:
    """Look for what is new under the ids that `send` would have made."""
    ids = spool.sent_ids(batch[0][0], batch[-1][0])
    asked = [(n, place, _with_id(line, sent_id(*ids[n]))) for n, place, line in batch if n in ids and n not in noted]
    if not asked:
        return
    found = _known(ledger, [line for _, _, line in asked])
    again = [note for note in _notes(asked, found) if note.what != "similar"]
    certain = {note.n for note in again}
    notes[:] = [*(note for note in notes if note.n not in certain), *again]


def _with_id(line: bytes, trade_id: str) -> bytes:
    """A line with another id: that is its first member, and needs no escape."""
    return b'{"trade_id":"%b"%b' % (trade_id.encode(), line[line.index(b",") :])
