"""Holds requests against the ledger, and makes the events that follow. Reads through a LedgerView.

A request that says what a stored event says already becomes that event again, so the journal counts a duplicate.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import msgspec

from service_kit.problems import FieldProblem, Problem
from trading_app.intake.decode import Terms, read_trade
from trading_app.intake.event import TradeIds
from trading_app.ledger.event import LedgerEvent, content_of, make_event
from trading_app.ledger.own_ids import OF_ACCOUNTS, find_own, own_id
from trading_app.ledger.request import KindRequest, refuse
from trading_app.ledger.view import MAX_CORRECTIONS, LedgerView, StoredEvent
from trading_model.contents import CONTENTS, Instrument, Opening
from trading_model.decimals import show
from trading_model.field_rules import FieldError, check_price, format_timestamp
from trading_model.instruments import Instruments
from trading_model.kind_members import AFTER_TRADES, NOT_REPLACED, WHILE_OPEN
from trading_model.kinds import VOID
from trading_model.members import object_text
from trading_model.trade import FillContent

MAX_VOIDS = 10
"""Maximum number of voids of voids: each quotes the one before."""


class OpenPosition(Protocol):
    """A position that is not flat."""

    @property
    def account(self) -> str: ...
    @property
    def symbol(self) -> str: ...
    @property
    def position(self) -> str: ...


class _Refusal(Exception):
    """A member can't be taken as it is. A `conflict` contradicts an event of the ledger."""

    def __init__(self, member: str, detail: str, *, conflict: bool = False) -> None:
        super().__init__(detail)
        self.complaints = [(member, detail)]
        self.conflict = conflict


class Decider:
    """Decides the requests of one batch against one view of the ledger. Nothing may be corrected meanwhile."""

    def __init__(
        self,
        view: LedgerView,
        instruments: Instruments,
        now_ns: int,
        open_positions: Sequence[OpenPosition],
        first_trade: Callable[[Opening, Callable[[str], str]], int | None],
    ) -> None:
        """`instruments` are a copy of the ledger's; those of the batch are added. `now_ns` is in ns since 1970.

        `open_positions` are those known: none where that is not known. `first_trade` says when the first trade before
        an opening was, in ns since 1970; None if none is known.
        """
        self._first_trade = first_trade
        self._open_positions = open_positions
        self._view = view
        self._instruments = instruments
        self._now_ns = now_ns
        self._terms = Terms(terms_of=instruments.find)
        self._corrected = set[int]()
        self._accounts = dict[tuple[str, str], str]()
        self._said = 0

    def decide(self, requests: Sequence[KindRequest], *, single: bool) -> list[LedgerEvent]:
        """The event of each request. Raises Problem (`event_conflict`, `invalid_event`, `invalid_batch`)."""
        self._view.hold(request.target for request in requests if request.target)
        events, invalid, conflicts = list[LedgerEvent](), list[FieldProblem](), list[FieldProblem]()
        for request in requests:
            try:
                events.append(self._decide(request))
            except _Refusal as refusal:
                problems = conflicts if refusal.conflict else invalid
                problems += [request.problem(member, detail) for member, detail in refusal.complaints]
        if conflicts:
            raise refuse(conflicts, single=single, code="event_conflict")
        if invalid:
            raise refuse(invalid, single=single)
        return events

    def _decide(self, request: KindRequest) -> LedgerEvent:
        kind = request.kind.name
        request, stored = self._owned(request)
        if stored is not None:
            return self._repeat(request, stored)
        if kind == VOID:
            return self._void(request)
        if kind == "replace":
            return self._replace(request)
        if request.target:
            target = self._event(request.target)
            if request.kind.target == "import" and target.kind != "import":
                raise _Refusal("target", f"{target.sequence} is no import but of the kind {target.kind}")
            if request.kind.target == "import" and len(voids := self._view.voids(target.sequence)) % 2:
                detail = f"the import {target.id} is taken back by event {voids[-1]}; void that event to restore it"
                raise _Refusal("target", detail, conflict=True)
        self._check_price(request)
        if kind == "instrument":
            self._say(request)
        if kind == "opening" and not request.target:
            self._open(request)
        return make_event(kind, request.id, request.target, object_text(request.texts))

    def _owned(self, request: KindRequest) -> tuple[KindRequest, StoredEvent | None]:
        """The request under the id that belongs to its account, and the stored event with that id."""
        kind = request.kind.name
        if kind == VOID and "id" in request.made:  # nobody may keep others from a void by taking the id that it gets
            first = next((self._view.event(void) for void in self._view.voids(request.target)), None)
            return request, first if first is not None and first.id == request.id else None
        if kind not in OF_ACCOUNTS:
            return request, self._view.find(kind, request.id)
        account = _decode_text(request.texts["account"])
        own, stored = find_own(self._view, kind, request.id, account)
        if stored is None and self._accounts.setdefault((kind, own), account) != account:  # of an earlier one of these
            own = own_id(account, request.id)
            stored = self._view.find(kind, own)
        return (request if own == request.id else replace(request, id=own)), stored

    def _repeat(self, request: KindRequest, stored: StoredEvent) -> LedgerEvent:
        """The stored event, if the request says the same."""
        differing = list(self._differences(request, stored))
        if differing:
            taken = f"{request.id} is the id of event {stored.sequence}, which differs in {', '.join(differing)}"
            raise _Refusal("id", f"{taken}; use a new id for a new event", conflict=True)
        return LedgerEvent(stored.kind, stored.id, stored.target, content_of(stored.body))

    def _void(self, request: KindRequest) -> LedgerEvent:
        target = self._event(request.target)
        voids = self._view.voids(target.sequence)
        if voids:
            raise _Refusal("target", _voided_before(target.sequence, voids), conflict=True)
        self._claim(target.sequence)
        if _depth(target) >= MAX_VOIDS:
            detail = f"{target.sequence} is the last of {MAX_VOIDS} voids of voids, the maximum; send a new event"
            raise _Refusal("target", detail)
        return make_event(VOID, request.id, target.sequence, _with_quote(request.texts, target))

    def _replace(self, request: KindRequest) -> LedgerEvent:
        fill = self._fill_of(request.target)
        replaces = self._view.replaces(fill.sequence)
        if len(replaces) >= MAX_CORRECTIONS:
            detail = f"{fill.sequence} was replaced {len(replaces)} times, the maximum; void it and send a new fill"
            raise _Refusal("target", detail)
        self._claim(fill.sequence)
        now, _ = self._view.now(fill)
        new = self._merge(_decode_object(now), request)
        if _decode_fill(new) == _decode_fill(now):
            raise _Refusal("target", f"{fill.sequence} says all of this already; name a field that changes")
        reason = {name: text for name, text in request.texts.items() if name == "reason"}
        return make_event("replace", request.id, fill.sequence, _with_quote({"fill": new.decode(), **reason}, fill))

    def _event(self, sequence: int) -> StoredEvent:
        event = self._view.event(sequence)
        if event is None:
            raise _Refusal("target", f"{sequence} is not in the ledger, whose last event is {self._view.head()}")
        return event

    def _fill_of(self, sequence: int) -> StoredEvent:
        """The fill that a replace names, itself or by an earlier replace of it."""
        target = self._event(sequence)
        if target.kind == "replace":
            target = self._event(target.target)
        if not target.is_fill:
            detail = f"{target.sequence} is of the kind {target.kind}; only a fill can be replaced"
            raise _Refusal("target", f"{detail}: void it and send a new event")
        voids = self._view.voids(target.sequence)
        if len(voids) % 2:
            raise _Refusal("target", f"{target.sequence} is voided by event {voids[-1]}; void that event first")
        if not self._view.in_force(target):
            detail = (
                f"{target.sequence} belongs to the import {target.import_id}, which is voided; void that void first"
            )
            raise _Refusal("target", detail)
        return target

    def _claim(self, sequence: int) -> None:
        """Only one event of a batch may correct the same event: the second would be held against what is not yet so."""
        if sequence in self._corrected:
            raise _Refusal("target", f"{sequence} is corrected twice in this batch; send one after the other")
        self._corrected.add(sequence)

    def _check_price(self, request: KindRequest) -> None:
        """Refuse a price that the symbol can't have."""
        member = next((name for name in ("price", "average") if name in request.texts), None)
        if member is None:
            return
        for symbol in _symbols(request):
            try:
                check_price(_decode_text(request.texts[member]), symbol, self._instruments.find)
            except FieldError as error:
                raise _Refusal(member, str(error)) from None

    def _say(self, request: KindRequest) -> None:
        """Add an instrument of the batch. Refuses aliases that would go round in a circle."""
        content = msgspec.json.decode(object_text(request.texts), type=Instrument)
        circle = self._instruments.circle(content)
        if circle:
            detail = f"would go round in a circle: {' → '.join(circle)}; void the instrument of one of these first"
            raise _Refusal("aliases", detail)
        before = [self._instruments.find(position.symbol).inverse for position in self._open_positions]
        self._said += 1
        self._instruments.say(self._view.head() + self._said, content)
        if bytes(request.given.get(WHILE_OPEN, b"")) == b"true":
            return
        for position, inverse in zip(self._open_positions, before, strict=True):
            if self._instruments.find(position.symbol).inverse != inverse:
                now = "an inverse contract" if not inverse else "no inverse contract any more"
                detail = f"would make {position.symbol} {now}, and account {position.account} holds {position.position}"
                raise _Refusal(
                    "settlement", f"{detail}: close it first, or send `{WHILE_OPEN}` true to value all its fills again"
                )

    def _open(self, request: KindRequest) -> None:
        """Refuse an opening after trades of its position, unless it is meant. One of an import was shown before."""
        if bytes(request.given.get(AFTER_TRADES, b"")) == b"true":
            return
        opening = msgspec.json.decode(object_text(request.texts), type=Opening)
        first_ns = self._first_trade(opening, self._instruments.canonical)
        if first_ns is not None:
            of, first = f"account {opening.account}, strategy {opening.strategy}", format_timestamp(first_ns)
            held = f"{show(opening.quantity)} at {show(opening.average)}"
            raise _Refusal(
                "ts",
                f"{opening.symbol} of {of} has trades before that time, the first at {first}: to say what was held"
                f" before them, send a time before {first}; to set the position to {held} from then on, whatever these"
                f" trades say, send `{AFTER_TRADES}` true",
            )

    def _merge(self, fill: Mapping[str, msgspec.Raw], request: KindRequest) -> bytes:
        """A fill with the members that a replace names, as it would have been journaled."""
        names = [each.name for each in request.kind.members if each.name != "reason"]
        changed = {name: request.given[name] for name in names if name in request.given}
        if bytes(changed.get("ts", b"")) == b"null":
            del changed["ts"]  # each fill has a time
        kept = {name: fill[name] for name in NOT_REPLACED if name in fill}
        merged = {name: raw for name, raw in {**fill, **changed}.items() if name not in kept}
        try:
            event = read_trade(_encode({**merged, "trade_id": kept["trade_id"]}), self._now_ns, _NO_IDS, self._terms)
        except Problem as problem:
            refusal = _Refusal("target", problem.detail)
            named = [(error.pointer.removeprefix("#/"), error.detail) for error in problem.errors]
            refusal.complaints = named or refusal.complaints
            raise refusal from None
        if "import_id" not in kept:
            return event.payload
        return b'%b,"import_id":%b}' % (event.payload[:-1], bytes(kept["import_id"]))

    def _differences(self, request: KindRequest, stored: StoredEvent) -> Iterator[str]:
        """The members of a request that say something else than the stored event with its id."""
        if request.kind.target in ("optional", "required") and request.target != stored.target:
            yield "target"
        before = stored.content
        if request.kind.target == "required" and request.texts.get("reason", '""') != _text(before.get("reason")):
            yield "reason"
        if request.kind.name == "replace":
            again = self._merge(_decode_object(before["fill"]), request)
            yield from _differing_fields(_decode_fill(bytes(before["fill"])), _decode_fill(again))
        elif request.kind.name == "import":  # it may be continued under another name, and have less left to take
            if bytes(before["digest"]) != request.texts["digest"].encode():
                yield "digest"
        elif request.kind.name != VOID:
            yield from differing_members(request, stored)


def differing_members(request: KindRequest, stored: StoredEvent) -> Iterator[str]:
    """The members in which the content of a request differs from that of a stored event of its kind."""
    struct = CONTENTS[request.kind.name]
    old = msgspec.json.decode(_encode(stored.content), type=struct)
    new = msgspec.json.decode(object_text(request.texts), type=struct)
    return _differing_fields(old, new, request.made)


def accounts_of(request: KindRequest, view: LedgerView) -> set[str] | None:
    """The accounts whose figures an event may change; None for all."""
    found = _accounts({name: msgspec.Raw(text.encode()) for name, text in request.texts.items()})
    if request.target:
        target = view.event(request.target)
        while target is not None and target.target:
            target = view.event(target.target)
        if target is None:
            return found or None
        of_target = _accounts(target.content)
        if not of_target:
            return None
        found |= of_target
    return found or None


def _accounts(content: Mapping[str, msgspec.Raw]) -> set[str]:
    """The accounts that an event's content names."""
    sides = [_decode_object(content[side]) for side in ("from", "to") if side in content]
    return {_decode_text(one["account"]) for one in (content, *sides) if "account" in one}


def _symbols(request: KindRequest) -> set[str]:
    """The symbols that an event's price is of."""
    sides = [_decode_object(request.texts[side]) for side in ("from", "to") if side in request.texts]
    named = {_decode_text(side["symbol"]) for side in sides}
    return named | {_decode_text(request.texts["symbol"])} if "symbol" in request.texts else named


def _differing_fields(
    old: msgspec.Struct, new: msgspec.Struct, left_out: frozenset[str] = frozenset()
) -> Iterator[str]:
    """The members that differ, numbers by value."""
    for each in msgspec.structs.fields(type(old)):
        if each.encode_name not in left_out and getattr(old, each.name) != getattr(new, each.name):
            yield each.encode_name


def _voided_before(sequence: int, voids: Sequence[int]) -> str:
    """Why an event can't be voided by one more void, and which event to void instead."""
    if len(voids) % 2:
        return f"{sequence} is voided by event {voids[-1]} already; void that event to restore {sequence}"
    return f"{sequence} was voided and restored; void event {voids[-1]}, which restored it, to void {sequence} again"


def _depth(event: StoredEvent) -> int:
    """How many voids an event quotes, one inside the other, itself included."""
    return event.body.count(b'"void":{') if event.kind == VOID else 0


def _with_quote(texts: Mapping[str, str], target: StoredEvent) -> str:
    """The content of a void or a replace: what it says, and the event it is about as that was journaled."""
    return object_text({**texts, "was": content_of(target.body).decode()})


def _text(raw: msgspec.Raw | None) -> str:
    return '""' if raw is None else bytes(raw).decode()


_NO_IDS = TradeIds()
_encode = msgspec.json.Encoder().encode
_decode_fill = msgspec.json.Decoder(FillContent).decode
_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_text = msgspec.json.Decoder(str).decode
