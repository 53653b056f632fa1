"""Decodes and checks many trades at once, column by column, in a sixth of the time of trade by trade. No I/O.

It accepts trades in the common form only. All others, valid or not, are left to `decode`, which reads trade by trade,
follows the same rules (`field_rules`) and explains errors. Both give the same bytes for the same trade.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from telemetry_stream.events import Events
from trading_app.intake.event import ALL_SENT, TIME_ASSUMED, TradeEvent, TradeIds
from trading_app.intake.identity import SEPARATOR, fill_key
from trading_model import field_rules as rules
from trading_model.field_rules import FieldError

_NO_RAW = Raw(b"")
_BEGIN = b'{"trade_id":'
_NUMBERED = b'{"seq":%d,'


CheckSymbol = Callable[[str], str]
"""Does what `field_rules.check_symbol` does, and may take note of the symbol."""

Heads = Mapping[str, Mapping[str, str]]
"""By symbol and side, the keys of trades without their trade ids."""

DEFAULT_ACCOUNT = "default"
"""The account of trades that name none, unless a token is bound to one."""


class TradeRow(msgspec.Struct, forbid_unknown_fields=True, gc=False, kw_only=True):
    """A trade as a client sends it and, once checked, as it is journaled. The members are in the journal's order."""

    trade_id: str | UnsetType = UNSET
    symbol: str
    price: Raw
    qty: Raw
    side: str
    ts: Raw = _NO_RAW
    account: str = DEFAULT_ACCOUNT
    strategy: str = "default"
    venue: str | UnsetType = UNSET
    order_id: str | UnsetType = UNSET
    fee: Raw | UnsetType = UNSET
    fee_currency: str | UnsetType = UNSET


class WideTradeRow(TradeRow, forbid_unknown_fields=True, gc=False, kw_only=True):
    """A trade with the rarer members. Batches without them are decoded to TradeRow, and pay nothing for them."""

    currency: str | UnsetType = UNSET
    position_side: str | UnsetType = UNSET
    multiplier: Raw | UnsetType = UNSET
    tags: list[str] | UnsetType = UNSET


class TradeColumns(Events[TradeEvent]):
    """Checked trades. `timed` says for each whether its client sent the time.

    The constructor encodes them and drops the rows, so that the next batch reuses that memory while it is still in the
    CPU's caches.
    """

    def __init__(self, rows: list[TradeRow], timed: Sequence[bool], heads: Heads | None) -> None:
        self.asked: dict[int, TradeEvent] = {}
        """The trades that were asked for one by one, by index: those that were compared with stored ones."""

        self._keys = _keys_of(rows, heads)
        self._encoded = _encode(rows)[1:-1]
        self._timed = timed

    @property
    def trade_ids(self) -> Sequence[str]:
        """The trades' ids."""
        return [key.rpartition(SEPARATOR)[2] for key in self._keys]

    @property
    def keys(self) -> Sequence[str]:
        """The trades' keys."""
        return self._keys

    def numbered(self, first: int, start: int, stop: int) -> bytes:
        """The trades from index `start` up to `stop` as journaled, the first with the sequence `first`."""
        whole = stop - start == len(self._keys)
        encoded = self._encoded if whole else b",".join([self._payload(index) for index in range(start, stop)])
        # One formatting numbers all trades. It replaces every "{", which is four times as fast to find as the whole
        # beginning of a trade. If a text holds one too, the length differs from what the number of trades gives, and
        # the whole beginning is replaced instead: no text can hold that, since its quotes would be escaped.
        plain = encoded.replace(b"%", b"%%")
        template = plain.replace(b"{", _NUMBERED)
        if len(template) != len(plain) + (stop - start) * (len(_NUMBERED) - 1):
            template = plain.replace(_BEGIN, _NUMBERED + _BEGIN[1:])
        return template % tuple(range(first, first + stop - start))

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, index: int) -> TradeEvent:  # type: ignore[override]  # slices are not used
        event = self.asked.get(index)
        if event is None:
            key = self._keys[index]
            trade_id = key.rpartition(SEPARATOR)[2]
            assumed = ALL_SENT if self._timed[index] else TIME_ASSUMED
            event = self.asked[index] = TradeEvent(key, trade_id, self._payload(index), assumed)
        return event

    def _payload(self, index: int) -> bytes:
        return _BEGIN + self._parts[index].removesuffix(b",")

    @cached_property
    def _parts(self) -> list[bytes]:
        return self._encoded.split(_BEGIN)[1:]


def compared_events(events: Sequence[TradeEvent]) -> Iterable[tuple[int, TradeEvent]]:
    """The events that may have been compared with stored ones, by index."""
    return sorted(events.asked.items()) if isinstance(events, TradeColumns) else enumerate(events)


def _keys_of(rows: list[TradeRow], heads: Heads | None) -> list[str]:
    """The key of each, as `fill_key` makes it."""
    if heads is not None:
        return [f"{heads[row.symbol][row.side]}{row.trade_id}" for row in rows]
    return [
        fill_key(
            row.account,
            row.venue or "",
            rules.case_folded(row.symbol),
            (row.position_side or "") if isinstance(row, WideTradeRow) else "",
            row.side,
            row.trade_id or "",
        )
        for row in rows
    ]


def _heads_of(
    rows: list[TradeRow], accounts: set[str], venues: set[str | UnsetType], symbols: Iterable[str]
) -> Heads | None:
    """The keys without their trade ids; None if these are too many: to look them up saves half the time of the keys."""
    if len(accounts) > 1 or len(venues) > 1 or isinstance(rows[0], WideTradeRow):
        return None
    [account], [venue] = accounts, venues
    return {symbol: _heads_of_symbol(account, venue or "", symbol) for symbol in symbols}


@lru_cache(maxsize=4_096)
def _heads_of_symbol(account: str, venue: str, symbol: str) -> Mapping[str, str]:
    folded = rules.case_folded(symbol)
    return {side: fill_key(account, venue, folded, "", side, "") for side in ("buy", "sell")}


def read_columns(
    body: bytes,
    lines: bool,
    now_ns: int,
    ids: TradeIds,
    maximum: int,
    account: str = DEFAULT_ACCOUNT,
    check_symbol: CheckSymbol = rules.check_symbol,
    import_id: str = "",
) -> TradeColumns | None:
    """The trades of a JSON array, or of NDJSON if `lines` is set; None if they must be decoded one by one.

    `account` is that of trades that name none, `import_id` that of all; empty for none.
    """
    try:
        rows = _read_rows(body, lines, account, import_id)
        _require(0 < len(rows) <= maximum)
        _require(not lines or len(rows) == count_lines(body))  # one trade on each line
        return _check(rows, now_ns, ids, check_symbol)
    except _OUT_OF_FORM:
        return None


def _read_rows(body: bytes, lines: bool, account: str, import_id: str) -> list[TradeRow]:
    decode, decode_lines, decode_wide, decode_wide_lines = _decoders(account, import_id)
    try:
        rows = decode_lines(body) if lines else decode(body)
    except msgspec.ValidationError:  # a rarer member, or something that is not a trade
        rows = decode_wide_lines(body) if lines else decode_wide(body)
    if import_id:  # the default of a member that no client may send; one that does is explained trade by trade
        _require(all(row.import_id == import_id for row in rows))
    return rows


def count_lines(body: bytes) -> int:
    """The number of lines; the last one may end without a newline."""
    ends = len(body) - len(body.replace(b"\n", b""))  # bytes.count takes three times as long
    return ends + (not body.endswith(b"\n"))


def read_bodies(
    bodies: Sequence[bytes | bytearray], now_ns: int, ids: TradeIds, check_symbol: CheckSymbol
) -> TradeColumns | None:
    """The trades of JSON objects, one in each body; None if they must be decoded one by one."""
    try:
        return _check(_read_each(bodies), now_ns, ids, check_symbol)
    except _OUT_OF_FORM:
        return None


def _read_each(bodies: Sequence[bytes | bytearray]) -> list[TradeRow]:
    try:
        return [_decode_row(body) for body in bodies]
    except msgspec.ValidationError:  # as in _read_rows; few groups have such a trade
        return [_read_row(body) for body in bodies]


def _read_row(body: bytes | bytearray) -> TradeRow:
    try:
        return _decode_row(body)
    except msgspec.ValidationError:
        return _decode_wide_row(body)


def _check(rows: list[TradeRow], now_ns: int, ids: TradeIds, check_symbol: CheckSymbol) -> TradeColumns:
    """Check at least one row. Raises one of _OUT_OF_FORM."""
    heads = _check_words(rows, check_symbol)
    _check_identifiers([row.order_id for row in rows if row.order_id is not UNSET])
    _check_amounts(rows)
    _check_fees([row for row in rows if row.fee is not UNSET])
    if type(rows[0]) is not TradeRow:
        _check_rarer([row for row in rows if isinstance(row, WideTradeRow)])
    timed = _set_times(rows, now_ns)
    _set_trade_ids(rows, now_ns, ids)
    return TradeColumns(rows, timed, heads)


class _Uncommon(Exception):
    """The trades are not in the common form. They may still be valid."""


_OUT_OF_FORM = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, FieldError, _Uncommon)


def _require(condition: bool) -> None:
    if not condition:
        raise _Uncommon


def _check_words(rows: list[TradeRow], check_symbol: CheckSymbol) -> Heads | None:
    """Check members that have few different values in a batch: each value once. Gives the heads of the keys."""
    accounts, venues = {row.account for row in rows}, {row.venue for row in rows}
    for name in accounts | {row.strategy for row in rows} | _given(venues):
        rules.check_name(name)
    symbols = {given: check_symbol(given) for given in {row.symbol for row in rows}}
    sides = {given: rules.check_side(given) for given in {row.side for row in rows}}
    if any(given != kept for words in (symbols, sides) for given, kept in words.items()):
        for row in rows:
            row.symbol, row.side = symbols[row.symbol], sides[row.side]
    _require(all(rules.check_currency(given) == given for given in _given({row.fee_currency for row in rows})))
    return _heads_of(rows, accounts, venues, symbols.values())


def _given(values: set[str | UnsetType]) -> set[str]:
    return {value for value in values if value is not UNSET}


def _check_identifiers(identifiers: list[str]) -> None:
    """The rules of `rules.check_identifier` for all at once, in one text. Quotes separate them: none may hold one."""
    if not identifiers:
        return
    text = '"'.join(("", *identifiers, ""))
    _require(text.isprintable() and text.count('"') == len(identifiers) + 1 and "\\" not in text)
    _require(" " not in text or ('" ' not in text and ' "' not in text))
    lengths = set(map(len, identifiers))
    _require(0 not in lengths and max(lengths) <= rules.MAX_IDENTIFIER)


def _check_amounts(rows: list[TradeRow]) -> None:
    amounts, values = _read_numbers([row.price for row in rows] + [row.qty for row in rows], _AMOUNT)
    _require(all(values))  # all are above 0: _AMOUNT has no minus sign
    for row, price, qty in zip(rows, amounts[: len(rows)], amounts[len(rows) :], strict=True):
        row.price, row.qty = price, qty  # type: ignore[assignment]  # a str is encoded as well as a Raw


def _check_fees(rows: list[TradeRow]) -> None:
    if not rows:
        return
    fees, _ = _read_numbers([row.fee for row in rows if row.fee is not UNSET], _DECIMAL)
    for row, fee in zip(rows, fees, strict=True):
        row.fee = fee  # type: ignore[assignment]  # as above


def _check_rarer(rows: list[WideTradeRow]) -> None:
    _require(all(rules.check_currency(given) == given for given in _given({row.currency for row in rows})))
    _require(all(rules.check_position_side(side) == side for side in _given({row.position_side for row in rows})))
    for row in rows:
        if row.tags is not UNSET:
            _require(bool(rules.check_tags(row.tags)))
    multiplied = [row for row in rows if row.multiplier is not UNSET]
    if multiplied:
        multipliers, values = _read_numbers([row.multiplier for row in rows if row.multiplier is not UNSET], _AMOUNT)
        _require(all(values))
        for row, multiplier in zip(multiplied, multipliers, strict=True):
            row.multiplier = multiplier  # type: ignore[assignment]  # as above


def _read_numbers(raws: list[Raw], allowed: bytes) -> tuple[list[str], list[float]]:
    """A column's digits as written, and their values as floats, which are only good for comparing with 0."""
    joined = b",".join(raws)
    _require(not joined.translate(None, allowed))
    # Without quotes they must all be JSON numbers, which have no leading zeros and no bare points. A text with a comma
    # in it would count as two.
    bare = joined.replace(b'"', b"")
    values = _decode_floats(b"[" + bare + b"]")
    texts = bare.decode().split(",")
    _require(len(values) == len(raws) and max(map(len, texts)) <= rules.MAX_DIGITS)
    return texts, values


def _set_times(rows: list[TradeRow], now_ns: int) -> Sequence[bool]:
    """Set the times as they are journaled. Returns for each row whether the client sent its time."""
    timed = [row.ts is not _NO_RAW for row in rows]
    if not all(timed):
        now = rules.format_timestamp(now_ns)
        for row in rows:
            if row.ts is _NO_RAW:
                row.ts = now  # type: ignore[assignment]  # as above
    if any(timed):
        _set_given_times([row for row, given in zip(rows, timed, strict=True) if given], now_ns)
    return timed


def _set_given_times(rows: list[TradeRow], now_ns: int) -> None:
    joined = b",".join([row.ts for row in rows])
    bare = joined.replace(b'"', b"").decode()
    texts = bare.split(",")
    _require(len(texts) == len(rows))
    if joined.translate(None, b"0123456789,"):
        _check_rfc3339(joined, texts, now_ns)
    else:
        texts = _read_milliseconds(texts, now_ns)
    for row, text in zip(rows, texts, strict=True):
        row.ts = text  # type: ignore[assignment]  # as above


def _check_rfc3339(joined: bytes, texts: list[str], now_ns: int) -> None:
    """Times in UTC, in the form that `rules.format_timestamp` writes. Others are left to `decode`."""
    _require(not joined.translate(None, b'0123456789-:.TZ,"') and joined.count(b'"') == 2 * len(texts))
    _require(joined.count(b"Z") == len(texts) and b"000Z" not in joined)
    _require({len(text) for text in texts} <= _LENGTHS)
    _decode_datetimes(b"[" + joined + b"]")
    latest = rules.format_second(now_ns // rules.NANOSECONDS + rules.LATEST_AHEAD_SECONDS)
    _require(min(texts)[:19] > _EARLIEST and max(texts)[:19] < latest)


def _read_milliseconds(texts: list[str], now_ns: int) -> list[str]:
    """Times of 13 digits as RFC 3339: milliseconds since 1970, from 2001 to 2286."""
    _require({len(text) for text in texts} == {13})
    _require(int(max(texts)) <= now_ns // 1_000_000 + rules.LATEST_AHEAD_SECONDS * 1_000)
    second = rules.format_second
    return [
        f"{second(int(text[:10]))}Z" if text.endswith("000") else f"{second(int(text[:10]))}.{text[10:]}Z"
        for text in texts
    ]


def _set_trade_ids(rows: list[TradeRow], now_ns: int, ids: TradeIds) -> None:
    given = [row.trade_id for row in rows if row.trade_id is not UNSET]
    _check_identifiers(given)
    if len(given) < len(rows):
        for row in rows:
            if row.trade_id is UNSET:
                row.trade_id = ids.make(now_ns)


_AMOUNT = b'0123456789.,"'
_DECIMAL = _AMOUNT + b"-"
_EARLIEST = rules.format_second(rules.EARLIEST_SECONDS)
_LENGTHS = frozenset((20, 24, 27, 30))
_encode = msgspec.json.Encoder().encode


_Decode = Callable[[bytes], list[Any]]


@lru_cache(maxsize=64)
def _decoders(account: str, import_id: str) -> tuple[_Decode, _Decode, _Decode, _Decode]:
    """The decoders of arrays and of lines, and of both with the rarer members, for trades that are of this account
    where they name none, and of this import.
    """
    narrow: Any = TradeRow
    wide: Any = WideTradeRow
    fields = [("account", str, account)] if account != DEFAULT_ACCOUNT else []
    if import_id:
        fields.append(("import_id", str, import_id))
    if fields:
        narrow = msgspec.defstruct("BoundTradeRow", fields, bases=(TradeRow,), kw_only=True, gc=False)
        wide = msgspec.defstruct("BoundWideTradeRow", fields, bases=(WideTradeRow,), kw_only=True, gc=False)
    return (
        msgspec.json.Decoder(list[narrow]).decode,
        msgspec.json.Decoder(narrow).decode_lines,
        msgspec.json.Decoder(list[wide]).decode,
        msgspec.json.Decoder(wide).decode_lines,
    )


_decode_row = msgspec.json.Decoder(TradeRow).decode
_decode_wide_row = msgspec.json.Decoder(WideTradeRow).decode
_decode_floats = msgspec.json.Decoder(list[float]).decode
_decode_datetimes = msgspec.json.Decoder(list[datetime]).decode
