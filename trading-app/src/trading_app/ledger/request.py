"""Decodes requests with events of other kinds than fills, and checks each member. No I/O."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import msgspec

from service_kit.problems import FieldProblem, Problem
from trading_app.intake.decode_batch import DEFAULT_ACCOUNT
from trading_app.intake.event import TradeIds
from trading_app.problems import TradeProblem
from trading_model import field_rules as rules
from trading_model import kind_rules
from trading_model.field_rules import FieldError
from trading_model.kind_members import KINDS, Kind
from trading_model.members import Complaint, read_members, unknown_members

_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_NULL = b"null"

Rule = Callable[[bytes], str]


@dataclass(frozen=True, slots=True)
class KindRequest:
    """One event as a client wants it, each member checked.

    `texts` has the JSON of each member that has a value, `made` the names of those the client did not send, `given`
    what it sent, to the byte. `index` is the item of a batch; None for a single event.
    """

    kind: Kind
    id: str
    target: int
    texts: Mapping[str, str]
    made: frozenset[str]
    given: Mapping[str, msgspec.Raw]
    index: int | None = None

    def problem(self, member: str, detail: str) -> FieldProblem:
        """An error of one member."""
        return _problem(self.index, member, detail)


class MadeIds:
    """Ids of events that a client sent without one.

    Under an Idempotency-Key the same body gets the same ids, so that a repeat is recognised before its outcome is
    looked up.
    """

    def __init__(self, ids: TradeIds, now_ns: int, idempotency_key: bytes | None, caller: str, body: bytes) -> None:
        self._ids = ids
        self._now_ns = now_ns
        self._name = ""
        if idempotency_key is not None:
            digest = blake2b(digest_size=12)
            for part in (caller.encode(), idempotency_key, body):
                digest.update(b"%d:" % len(part) + part)
            self._name = digest.hexdigest()

    def make(self, kind: str, target: int, index: int) -> str:
        """An id. An event can be voided once, so its void's id follows from it: the same void again is a repeat."""
        if kind == "void":
            return f"void-{target}"
        return f"e{self._name}-{index}" if self._name else self._ids.make(self._now_ns)


def check_size(items: Sequence[object], maximum: int) -> None:
    """Refuse a batch without events, or with more than `maximum`. Raises Problem (`invalid_batch`, `too_large`)."""
    if len(items) > maximum:
        raise Problem("too_large", f"a batch has at most {maximum} events, this one has {len(items)}; send several")
    if not items:
        raise TradeProblem("invalid_batch", "the batch is empty; at least one event is needed")


def read_events(
    body: bytes, now_ns: int, ids: MadeIds, maximum: int, account: str = DEFAULT_ACCOUNT
) -> tuple[Sequence[KindRequest], bool]:
    """The events of a JSON object or of an array of them; and whether it is a single one, an object.

    `account` is that of events that name none.

    Raises Problem (`not_json`, `invalid_event`, `invalid_batch`, `too_large`), which names every error.
    """
    if body.lstrip()[:1] != b"[":
        read = read_item(_item(body), None, now_ns, ids, account)
        if isinstance(read, KindRequest):
            return [read], True
        raise refuse(read, single=True)
    items = _items(body)
    check_size(items, maximum)
    requests, problems = list[KindRequest](), list[FieldProblem]()
    for index, item in enumerate(items):
        read = read_item(item, index, now_ns, ids, account)
        if isinstance(read, KindRequest):
            requests.append(read)
        else:
            problems += read
    if problems:
        raise refuse(problems, single=False)
    return requests, False


def refuse(problems: Sequence[FieldProblem], *, single: bool, code: str = "") -> Problem:
    """The refusal of a request with these errors."""
    first = f"{problems[0].pointer[2:] or 'the body'} {problems[0].detail}"
    if single:
        return TradeProblem(code or "invalid_event", first, problems)
    count = len({problem.index for problem in problems})
    detail = f"{count} events of the batch can't be taken; the first: {first}"
    return TradeProblem(code or "invalid_batch", detail, problems)


def _item(body: bytes) -> msgspec.Raw:
    try:
        body.decode()
        return _decode_anything(body)
    except _NOT_JSON as error:
        raise TradeProblem("not_json", str(error)) from None


def _items(body: bytes) -> Sequence[msgspec.Raw]:
    try:
        body.decode()
        return _decode_items(body)
    except _NOT_JSON as error:
        raise TradeProblem("not_json", str(error)) from None


def read_item(
    item: msgspec.Raw | bytes, index: int | None, now_ns: int, ids: MadeIds, account: str
) -> KindRequest | Sequence[FieldProblem]:
    """One event, checked; or what is wrong with it. `index` is its place in a batch, None for a single one."""
    try:
        given = _decode_object(item)
    except _NOT_JSON:
        return [_problem(index, "", "must be a JSON object")]
    kind = _kind(given)
    if not isinstance(kind, Kind):
        return [_problem(index, *kind)]
    complaints = unknown_members(given, kind.names)
    target = _read_own(kind_rules.read_sequence, given, "target", complaints) if kind.target != "none" else ""
    if kind.target == "required" and bytes(given.get("target", _NULL)) == _NULL:
        complaints.append(("target", "is missing: the `seq` of the event that it refers to"))
    identifier = _read_own(rules.read_identifier, given, "id", complaints)
    reading = read_members(kind.members, given, now_ns)
    complaints += reading.complaints
    if "account" in reading.made:
        reading.texts["account"] = f'"{account}"'
    if not complaints and kind.check is not None:
        complaints += kind.check({**reading.texts, **({"target": target} if target else {})})
    if complaints:
        return [_problem(index, name, detail) for name, detail in complaints]
    sequence = int(target or 0)
    own_id = identifier or ids.make(kind.name, sequence, index or 0)
    texts = {name: text for name, text in reading.texts.items() if name not in kind.not_journaled}
    made = frozenset(reading.made) if identifier else frozenset((*reading.made, "id"))
    return KindRequest(kind, own_id, sequence, texts, made, given, index)


def _kind(given: Mapping[str, msgspec.Raw]) -> Kind | Complaint:
    known = f"the kinds are {', '.join(KINDS)}; send fills to /trade"
    if "kind" not in given:
        return "kind", f"is missing; {known}"
    try:
        kind = KINDS.get(_decode_text(given["kind"]))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return "kind", f"must be a string; {known}"
    if kind is None:
        return "kind", f"can't be sent here; {known}"
    return kind


def _read_own(rule: Rule, given: Mapping[str, msgspec.Raw], name: str, complaints: list[Complaint]) -> str:
    raw = bytes(given.get(name, _NULL))
    if raw != _NULL:
        try:
            return rule(raw)
        except FieldError as error:
            complaints.append((name, str(error)))
    return ""


def _problem(index: int | None, member: str, detail: str) -> FieldProblem:
    path = "/".join(part.replace("~", "~0") for part in member.split("/")) if member else ""
    pointer = "/".join(part for part in ("#", "" if index is None else str(index), path) if part)
    return FieldProblem(pointer, detail, index)


_decode_anything = msgspec.json.Decoder(msgspec.Raw).decode
_decode_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_text = msgspec.json.Decoder(str).decode
