"""The imports of the ledger, newest first, as JSON; and what takes one back as a whole. Reads through a LedgerView."""

from collections.abc import Iterator, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from telemetry_stream.log import StreamReader
from trading_app.ledger.provenance import At, Way, Who, provenance
from trading_app.ledger.registry import Registry
from trading_app.ledger.view import LedgerView
from trading_app.problems import TradeProblem
from trading_model.contents import Import

_PAGE = 1_000


class ListedImport(msgspec.Struct):
    """One import: what its event says, when it came and from whom, and the void in force that takes it back."""

    id: str
    seq: Annotated[int, Meta(ge=1)]
    name: str
    digest: str
    preset: str | None
    rows: int
    taken: int
    skipped: int
    account: str | None
    at: At
    who: Who
    way: Way
    in_force: bool
    void: Annotated[int | None, Meta(description="The event that takes it back.")]


class ImportPage(msgspec.Struct):
    """A page of imports, newest first."""

    imports: list[ListedImport]
    next_before: Annotated[int | None, Meta(description="`before` of the next page; null on the last.")]


def page(reader: StreamReader, registry: Registry, before: int, limit: int) -> bytes:
    """The imports before a sequence, newest first, at most `limit`. Raises DamagedHistory, StoreBusy."""
    known = [(sequence, import_id) for import_id, sequence in list(registry.imports.items()) if sequence < before]
    newest = sorted(known, reverse=True)
    view = LedgerView(reader)
    listed = [_listed(view, registry, sequence, import_id) for sequence, import_id in newest[:limit]]
    return msgspec.json.encode(ImportPage(listed, listed[-1].seq if len(newest) > limit else None))


def to_void(reader: StreamReader, registry: Registry, import_id: str) -> Sequence[int]:
    """The events to void to take an import back: what it brought besides fills, as far as in force, and its own, last.

    Raises TradeProblem (`not_found`, `event_conflict`), DamagedHistory, StoreBusy.
    """
    sequence = registry.imports.get(import_id)
    if sequence is None:
        raise TradeProblem("not_found", f"there is no import {import_id[:128]}: GET /imports lists them")
    if void := registry.void_of(sequence):
        raise TradeProblem("event_conflict", f"the import {import_id} is taken back already, by event {void}")
    view = LedgerView(reader)
    in_force = [*(one for one in _brought(reader, sequence) if not registry.void_of(one)), sequence]
    # What was restored has a void already: the event that restored it is voided instead.
    return [(view.voids(one) or [one])[-1] for one in in_force]


def _brought(reader: StreamReader, sequence: int) -> Iterator[int]:
    """The sequences of an import's events of other kinds than fills."""
    after = 0
    while found := reader.labelled(target=sequence, after=after, limit=_PAGE):
        yield from (one.sequence for one in found if one.label.kind != "void")
        after = found[-1].sequence


def _listed(view: LedgerView, registry: Registry, sequence: int, import_id: str) -> ListedImport:
    event = view.event(sequence)
    assert event is not None, "its label was stored with it"
    content = msgspec.json.decode(msgspec.json.encode(event.content), type=Import)
    came = provenance(view, sequence)
    void = registry.void_of(sequence)
    return ListedImport(
        import_id,
        sequence,
        content.name,
        content.digest,
        content.preset,
        content.rows,
        content.taken,
        content.skipped,
        content.account,
        came.at,
        came.who,
        came.way,
        not void,
        void or None,
    )
