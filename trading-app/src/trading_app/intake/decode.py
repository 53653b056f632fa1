"""Decodes a request's bytes to trades that can be committed. No I/O: the clock and the ids are arguments.

Batches are decoded by columns (`decode_batch`) if possible, else trade by trade. Only a request that fails is read
again, field by field, to name every error in it. All ways use the rules of `field_rules`.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b

import msgspec

from service_kit.problems import FieldProblem, Problem
from telemetry_stream.events import NO_ORIGIN, Event, Origin, RequestKey, Submission
from trading_app.intake.decode_batch import DEFAULT_ACCOUNT, count_lines, read_columns
from trading_app.intake.event import ALL_SENT, TIME_ASSUMED, TradeEvent, TradeIds
from trading_app.intake.identity import fill_key
from trading_app.problems import TradeProblem
from trading_model import field_rules as rules
from trading_model.field_rules import FieldError
from trading_model.fields import BY_NAME, NAMES, REQUIRED
from trading_model.instruments import Instruments
from trading_model.instruments import Terms as InstrumentTerms

_ABSENT = msgspec.Raw(b"null")

_UNKNOWN = f"is not known; the fields are {', '.join(NAMES)}"

MAX_UNKNOWN_FIELDS = 10
"""Maximum number of unknown fields named for one trade. A hostile trade may have a million."""

_MAX_COMMAS = 32
"""A batch with more commas or lines than this, for each trade that it may have, is not explained item by item: a trade
has at most twelve members, and a million tiny items of a hostile body would keep the event loop busy.
"""


class TradeRequest(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A trade as a client sends it. Numbers stay as written; an optional field may be null."""

    symbol: str
    price: msgspec.Raw
    qty: msgspec.Raw
    side: str
    ts: msgspec.Raw = _ABSENT
    trade_id: str | None = None
    account: str | None = None
    strategy: str | None = None
    venue: str | None = None
    order_id: str | None = None
    fee: msgspec.Raw = _ABSENT
    fee_currency: str | None = None
    currency: str | None = None
    position_side: str | None = None
    multiplier: msgspec.Raw = _ABSENT
    tags: msgspec.Raw = _ABSENT


_decode_request = msgspec.json.Decoder(TradeRequest).decode
_decode_requests = msgspec.json.Decoder(list[TradeRequest]).decode
_decode_request_lines = msgspec.json.Decoder(TradeRequest).decode_lines
_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_anything = msgspec.json.Decoder(msgspec.Raw).decode
# RecursionError: what msgspec raises for deep nesting, instead of an error of its own.
_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Terms(msgspec.Struct, frozen=True):
    """What the trades of a request are read by, beside their fields.

    `account` is that of trades that name none. `terms_of` returns what the instruments say of a symbol.
    `check_symbol` does what `field_rules.check_symbol` does, and may take note of the symbol. `import_id` is that of
    the import that brings the trades; empty for none.
    """

    account: str = DEFAULT_ACCOUNT
    terms_of: Callable[[str], InstrumentTerms] = Instruments().find
    check_symbol: Callable[[str], str] = rules.check_symbol
    import_id: str = ""


PLAIN_TERMS = Terms()


def read_trade(body: bytes, now_ns: int, ids: TradeIds, terms: Terms = PLAIN_TERMS) -> TradeEvent:
    """One trade from a JSON object. Raises Problem (`not_json`, `invalid_trade`)."""
    try:
        return _event(_decode_request(body), now_ns, ids, terms)
    except (*_NOT_JSON, FieldError) as error:
        # Decoded again, field by field: msgspec stops at its first error, and a client wants to see all of them.
        _require_json(body)
        problems = explain(body, now_ns, terms=terms) or [FieldProblem("#", str(error))]
        raise _invalid_trade(problems) from None


def read_trades(
    body: bytes, lines: bool, now_ns: int, ids: TradeIds, maximum: int, terms: Terms = PLAIN_TERMS
) -> Sequence[TradeEvent]:
    """The trades of a JSON array, or of NDJSON if `lines` is set.

    Raises Problem (`not_json`, `invalid_batch`, `too_large`).
    """
    columns = read_columns(body, lines, now_ns, ids, maximum, terms.account, terms.check_symbol, terms.import_id)
    if columns is not None:
        return columns
    try:
        requests = _decode_request_lines(body) if lines else _decode_requests(body)
        # msgspec accepts any white space between two objects; NDJSON has one on each line.
        if lines and len(requests) != count_lines(body):
            _require_a_trade_a_line(body, len(requests))
        _require_at_most(maximum, len(requests))
        events = [_event(request, now_ns, ids, terms) for request in requests]
    except (*_NOT_JSON, FieldError) as error:
        problems = _explain_batch(body, lines, now_ns, maximum, terms) or [FieldProblem("#", str(error))]
        raise _invalid_batch(problems) from None
    if not events:
        raise TradeProblem("invalid_batch", "the batch is empty; at least one trade is needed")
    return events


def read_form(form: Mapping[str, str], now_ns: int, ids: TradeIds, terms: Terms = PLAIN_TERMS) -> TradeEvent:
    """One trade from a form's fields; an empty field counts as missing. Raises Problem (`invalid_trade`)."""
    given = {name: text for name, text in form.items() if text.strip()}
    return read_trade(msgspec.json.encode(given), now_ns, ids, terms)


def submission(
    events: Sequence[Event],
    idempotency_key: bytes | None,
    scope: str,
    body: bytes,
    caller: str = "",
    origin: Origin = NO_ORIGIN,
) -> Submission:
    """The submission of these events. A key belongs to its `caller`; `scope` keeps the keys of different calls apart.

    Raises Problem (`bad_request`) for an invalid key.
    """
    if idempotency_key is None:
        return Submission(events, origin=origin)
    try:
        key = rules.check_identifier(idempotency_key.decode())
    except (FieldError, UnicodeDecodeError) as error:
        raise Problem("bad_request", f"Idempotency-Key {error}") from None
    # The digest shows whether a repeated key came with the same body. blake2b, since a client may choose both bodies.
    request_key = RequestKey(f"{scope}\x1f{key}", blake2b(body, digest_size=16).digest(), caller)
    return Submission(events, request_key, origin=origin)


def explain(
    item: bytes | msgspec.Raw, now_ns: int, prefix: str = "#", index: int | None = None, terms: Terms = PLAIN_TERMS
) -> list[FieldProblem]:
    """Every error in one trade; empty if it is valid."""
    try:
        values = _decode_object(item)
    except _NOT_JSON:
        return [FieldProblem(prefix, "must be a JSON object", index)]
    unknown = itertools.islice((name for name in values if name not in NAMES), MAX_UNKNOWN_FIELDS)
    problems = [FieldProblem(f"{prefix}/{_escape(name)}", _UNKNOWN, index) for name in unknown]
    for name in NAMES:
        detail = _complaint(name, values.get(name), now_ns)
        if detail is None and name == "price":
            detail = _complaint_about_price(values, terms)
        if detail:
            problems.append(FieldProblem(f"{prefix}/{name}", detail, index))
    return problems


def _complaint(name: str, raw: msgspec.Raw | None, now_ns: int) -> str | None:
    if raw is None:
        return "is missing" if name in REQUIRED else None
    value = bytes(raw)
    if value == b"null":
        return "must not be null" if name in REQUIRED else None
    try:
        BY_NAME[name].read(value, now_ns)
    except FieldError as error:
        return str(error)
    return None


def _complaint_about_price(values: Mapping[str, msgspec.Raw], terms: Terms) -> str | None:
    try:
        symbol = rules.read_symbol(bytes(values.get("symbol", b"")))
    except FieldError:
        symbol = ""
    try:
        rules.check_price(rules.read_decimal(values["price"]), symbol, terms.terms_of)
    except FieldError as error:
        return str(error)
    return None


def _event(request: TradeRequest, now_ns: int, ids: TradeIds, terms: Terms) -> TradeEvent:
    symbol = terms.check_symbol(request.symbol)
    side = rules.check_side(request.side)
    price, qty = rules.read_decimal(request.price), rules.read_amount(request.qty)
    if price[0] in "-0":
        rules.check_price(price, symbol, terms.terms_of)
    timed = request.ts is not _ABSENT and not _is_null(request.ts)
    ts = rules.read_timestamp(bytes(request.ts), now_ns) if timed else rules.format_timestamp(now_ns)
    account = terms.account if request.account is None else rules.check_name(request.account)
    strategy = "default" if request.strategy is None else rules.check_name(request.strategy)
    trade_id = ids.make(now_ns) if request.trade_id is None else rules.check_identifier(request.trade_id)
    # In the order of `decode_batch.TradeRow`: both ways must give the same bytes. The checks above refuse every text
    # that would need escaping.
    text = (
        f'{{"trade_id":"{trade_id}","symbol":"{symbol}","price":"{price}","qty":"{qty}","side":"{side}","ts":"{ts}",'
        f'"account":"{account}","strategy":"{strategy}"{_optional(request)}{_of_import(terms)}}}'
    )
    position_side = request.position_side.lower() if request.position_side is not None else ""
    key = fill_key(account, request.venue or "", rules.case_folded(symbol), position_side, side, trade_id)
    return TradeEvent(key, trade_id, text.encode(), ALL_SENT if timed else TIME_ASSUMED)


def _optional(request: TradeRequest) -> str:
    """The optional members of a trade, as JSON text."""
    members = ""
    if request.venue is not None:
        members += f',"venue":"{rules.check_name(request.venue)}"'
    if request.order_id is not None:
        members += f',"order_id":"{rules.check_identifier(request.order_id)}"'
    if request.fee is not _ABSENT and not _is_null(request.fee):
        members += f',"fee":"{rules.read_decimal(request.fee)}"'
    if request.fee_currency is not None:
        members += f',"fee_currency":"{rules.check_currency(request.fee_currency)}"'
    if request.currency is not None:
        members += f',"currency":"{rules.check_currency(request.currency)}"'
    if request.position_side is not None:
        members += f',"position_side":"{rules.check_position_side(request.position_side)}"'
    if request.multiplier is not _ABSENT and not _is_null(request.multiplier):
        members += f',"multiplier":"{rules.read_amount(request.multiplier)}"'
    if request.tags is not _ABSENT and not _is_null(request.tags) and (tags := rules.read_tags(request.tags)):
        members += f',"tags":{tags}'
    return members


def _of_import(terms: Terms) -> str:
    return f',"import_id":"{terms.import_id}"' if terms.import_id else ""


def _is_null(value: msgspec.Raw) -> bool:
    return bytes(value) == b"null"


def _explain_batch(body: bytes, lines: bool, now_ns: int, maximum: int, terms: Terms) -> list[FieldProblem]:
    """The errors of each item; empty if there are too many items to explain."""
    if not lines:
        _require_json(body)
    if max(body.count(b","), body.count(b"\n")) > maximum * _MAX_COMMAS:
        return []
    items = _split_lines(body) if lines else _split_array(body)
    _require_at_most(maximum, len(items))
    return list(
        itertools.chain.from_iterable(
            explain(item, now_ns, f"#/{index}", index, terms) for index, item in enumerate(items)
        )
    )


def _split_array(body: bytes) -> Sequence[msgspec.Raw]:
    try:
        return _decode_items(body)
    except _NOT_JSON:
        raise TradeProblem("invalid_batch", "the body must be a JSON array of trades, or NDJSON") from None


def _split_lines(body: bytes) -> Sequence[bytes]:
    items = [line for line in body.split(b"\n") if line.strip()]
    for index, item in enumerate(items):
        _require_json(item, f"item {index} (from 0): ")
    return items


def _require_a_trade_a_line(body: bytes, trades: int) -> None:
    lines = sum(1 for line in body.split(b"\n") if line.strip())
    if lines != trades:
        raise TradeProblem("not_json", f"NDJSON has one trade on each line; these are {trades} trades on {lines} lines")


def _require_at_most(maximum: int, trades: int) -> None:
    if trades > maximum:
        raise Problem("too_large", f"a batch has at most {maximum} trades, this one has {trades}; send several")


def _require_json(body: bytes, where: str = "") -> None:
    try:
        body.decode()  # msgspec.Raw accepts invalid UTF-8 within strings
        _decode_anything(body)
    except _NOT_JSON as error:
        raise TradeProblem("not_json", f"{where}{error}") from None


def _invalid_trade(problems: Sequence[FieldProblem]) -> Problem:
    return TradeProblem("invalid_trade", "; ".join(_sentence(problem) for problem in problems[:3]), problems)


def _invalid_batch(problems: Sequence[FieldProblem]) -> Problem:
    detail = _sentence(problems[0])
    if problems[0].index is not None:
        count = len({problem.index for problem in problems})
        which = "1 trade of the batch is" if count == 1 else f"{count} trades of the batch are"
        detail = f"{which} not valid; the first: {detail}"
    return TradeProblem("invalid_batch", detail, problems)


def _sentence(problem: FieldProblem) -> str:
    return f"{problem.pointer[2:] or 'the body'} {problem.detail}"


def _escape(name: str) -> str:
    """A member's name within a JSON Pointer. Cut to 64 characters, since the client chooses its length."""
    return name[:64].replace("~", "~0").replace("/", "~1")
