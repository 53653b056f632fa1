"""Decides what a request with trades wants committed, and how its outcome is answered. No I/O."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import msgspec

from service_kit.http_types import Headers
from service_kit.problems import Problem
from service_kit.responses import JSON, Answer
from telemetry_stream.errors import StreamError
from telemetry_stream.events import Compared, Origin, Receipt, Submission, keys_of
from telemetry_stream.group_commit import Outcome
from trading_app.access.caller import Caller
from trading_app.environment import Settings
from trading_app.intake.decode import Terms, read_form, read_trade, read_trades, submission
from trading_app.intake.decode_batch import DEFAULT_ACCOUNT, TradeColumns, compared_events, read_bodies
from trading_app.intake.event import StoredTrade, TradeEvent, TradeIds
from trading_app.intake.identity import SEPARATOR
from trading_app.intake.results import (
    NO_SIMILAR,
    Similar,
    answer_known,
    answer_trade,
    answer_trades,
    receipt_of,
    refusal,
)
from trading_app.intake.symbol_cases import SymbolCases
from trading_app.metrics import AppMetrics
from trading_app.problems import TradeProblem
from trading_model.instruments import Terms as InstrumentTerms

LINES = b"application/x-ndjson"
FORMS = (b"application/x-www-form-urlencoded", b"multipart/form-data")
PATHS = ("/trade", "/trades")

BEHIND_NS = 1_000_000_000
"""A clock that is behind by less makes no difference, since `ts` may be up to a day ahead of it."""


class Intended(msgspec.Struct, frozen=True):
    """What a request wants committed. `single` is true for POST /trade, whose answer differs from that of /trades."""

    submission: Submission
    events: Sequence[TradeEvent]
    single: bool


class Intake:
    """Reads requests with trades and answers their outcomes; counts accepted, duplicate and refused trades. No I/O."""

    def __init__(
        self,
        settings: Settings,
        metrics: AppMetrics,
        latest_ns: Callable[[], int],
        terms_of: Callable[[str], InstrumentTerms],
        void_of: Callable[[int, str], int],
        check_import: Callable[[str], object],
    ) -> None:
        """`latest_ns` returns the latest time known, in ns since 1970; a clock that was set back is behind it.

        `terms_of` returns what the instruments say of a symbol, `void_of` the sequence of the void that takes back the
        trade with a sequence and an import, 0 for none. `check_import` raises Problem unless an import with this id is
        in force.
        """
        self._void_of = void_of
        self._check_import = check_import
        self._terms_of = terms_of
        self._check_symbol = SymbolCases(self._count_differing).check
        self._unbound = Terms(DEFAULT_ACCOUNT, terms_of, self._check_symbol)
        self._latest_ns = latest_ns
        self._max_batch_trades = settings.max_batch_trades
        self._metrics = metrics
        self._ids = TradeIds()

    def read(
        self, caller: Caller, path: str, headers: Headers, body: bytes, now_ns: int, import_id: str | None = None
    ) -> Intended:
        """Decode a request to one of PATHS. `import_id` is that of the import that brings a batch. Raises Problem."""
        if import_id is not None:
            self._check_import(import_id)
        return self._by_the_latest_time(lambda ns: self._read(caller, path, headers, body, ns, import_id or ""), now_ns)

    def compare(self, caller: Caller, headers: Headers, body: bytes, now_ns: int) -> Intended:
        """Decode a batch that is compared with the ledger, and not written. Raises Problem."""
        intended = self.read(caller, "/trades", headers, body, now_ns)
        return Intended(Submission(intended.events, only_compare=True), intended.events, single=False)

    def _by_the_latest_time(self, read: Callable[[int], Intended], now_ns: int) -> Intended:
        """The result of `read` at `now_ns`; if that is refused and the clock is behind, at the latest time known.

        A clock that was set back would otherwise refuse a correct `ts` as lying in the future.
        """
        try:
            return read(now_ns)
        except Problem as problem:
            latest_ns = self._latest_ns()
            if not problem.errors or latest_ns - now_ns < BEHIND_NS:
                raise
        return read(latest_ns)

    def _read(self, caller: Caller, path: str, headers: Headers, body: bytes, now_ns: int, import_id: str) -> Intended:
        kind = media_type(headers)
        key = headers.get(b"idempotency-key")
        if path == "/trade":
            require_json(headers, body, "send the trade as application/json")
            events: Sequence[TradeEvent] = [read_trade(body, now_ns, self._ids, self._terms(caller))]
            return self._intend(caller, events, key, body, way_of(headers, "api"), single=True)
        if kind not in (JSON, LINES):
            raise _unsupported(
                kind, body, "send an array as application/json, or one trade on each line as application/x-ndjson"
            )
        terms = self._terms(caller, import_id)
        events = read_trades(body, kind == LINES, now_ns, self._ids, self._max_batch_trades, terms)
        return self._intend(caller, events, key, body, "import" if import_id else "batch", single=False)

    def _terms(self, caller: Caller, import_id: str = "") -> Terms:
        if caller.accounts is None and not import_id:
            return self._unbound
        return Terms(default_account(caller), self._terms_of, self._check_symbol, import_id)

    def read_each(self, bodies: Sequence[bytes | bytearray], now_ns: int) -> TradeColumns | None:
        """Decode requests with one JSON trade each, without an Idempotency-Key, together.

        None if they have to be decoded one by one.
        """
        return read_bodies(bodies, now_ns, self._ids, self._check_symbol)

    def read_form(
        self, caller: Caller, fields: Mapping[str, str], headers: Headers, body: bytes, now_ns: int
    ) -> Intended:
        """Decode a form. `fields` were read from `body`, which the Idempotency-Key covers. Raises Problem."""
        key = headers.get(b"idempotency-key")
        return self._by_the_latest_time(
            lambda ns: self._intend(
                caller,
                [read_form(fields, ns, self._ids, self._terms(caller))],
                key,
                body,
                way_of(headers, "form"),
                single=True,
            ),
            now_ns,
        )

    def read_fills(self, caller: Caller, fills: Sequence[Mapping[str, str]], now_ns: int) -> Intended:
        """Decode fills that a webhook's message says. An empty member counts as missing. Raises Problem."""

        def read(ns: int) -> Intended:
            events = [read_form(fill, ns, self._ids, self._terms(caller)) for fill in fills]
            return self._intend(caller, events, None, b"", "webhook", single=len(fills) == 1)

        return self._by_the_latest_time(read, now_ns)

    def receive(self, intended: Intended, outcome: Outcome) -> Receipt:
        """The receipt of an outcome, counted. Raises Problem if the trades were refused."""
        try:
            receipt = receipt_of(outcome, intended.events)
        except Problem as problem:
            self._count_refused(intended, problem)
            raise
        self._metrics.accepted_trades += receipt.accepted
        self._metrics.duplicate_trades += receipt.duplicates
        return receipt

    def answer(self, intended: Intended, outcome: Outcome) -> Answer:
        """The answer to an outcome. Raises Problem if the trades were refused."""
        receipt = self.receive(intended, outcome)
        if not intended.single:
            return answer_trades(receipt, self._voided(intended.events) if receipt.duplicates else ())
        event = intended.events[0]
        stored = event.stored or StoredTrade(receipt.first)  # an answer that is repeated compared nothing
        is_voided = not receipt.accepted and self._void_of(*stored) > 0
        return answer_trade(event.trade_id, receipt, is_voided=is_voided)

    def answer_compared(
        self,
        events: Sequence[TradeEvent],
        outcome: Outcome,
        similar: Similar = NO_SIMILAR,
        *,
        replaced: Mapping[int, bytes],
    ) -> Answer:
        """What the ledger has of a batch; `similar` and `replaced` as `answer_known` takes them. Raises Problem."""
        if isinstance(outcome, StreamError):
            raise refusal(outcome)
        assert isinstance(outcome, Compared), "it was only compared"
        return answer_known(events, outcome, self._void_of, similar, replaced)

    def _voided(self, events: Sequence[TradeEvent]) -> list[tuple[int, int]]:
        """Index and sequence of the trades that the ledger has, and that were taken back."""
        return [
            (index, event.stored.sequence)
            for index, event in compared_events(events)
            if event.stored is not None and self._void_of(*event.stored)
        ]

    def refuse(self, intended: Intended, error: StreamError) -> Problem:
        """The answer if the stream refused the submission."""
        problem = refusal(error)
        self._count_refused(intended, problem)
        return problem

    def _count_differing(self, symbols: int) -> None:
        self._metrics.symbols_differing_in_case = symbols

    def _count_refused(self, intended: Intended, problem: Problem) -> None:
        self._metrics.refused_trades[problem.code] += len(intended.events)

    def _intend(
        self, caller: Caller, events: Sequence[TradeEvent], key: bytes | None, body: bytes, way: str, *, single: bool
    ) -> Intended:
        if caller.accounts is not None:
            _require_own_accounts(caller.accounts, events)
        scope = "trade" if single else "trades"
        return Intended(submission(events, key, scope, body, caller.id, origin(caller, way)), events, single)


def way_of(headers: Headers, otherwise: str) -> str:
    """`page` for what the app's own page made the browser send, else the given way."""
    return "page" if headers.get(b"sec-fetch-site") == b"same-origin" else otherwise


def origin(caller: Caller, way: str) -> Origin:
    """The origin to be stored with what a caller sends by a way: `api`, `batch`, `form`, `page`."""
    return _origin(caller.name, way)


@lru_cache(maxsize=1_024)
def _origin(name: str, way: str) -> Origin:
    return Origin(name, way)


def default_account(caller: Caller) -> str:
    """The account of what a caller sends without naming one."""
    accounts = caller.accounts or ()
    return next(iter(accounts)) if len(accounts) == 1 else DEFAULT_ACCOUNT


def _require_own_accounts(own: frozenset[str], events: Sequence[TradeEvent]) -> None:
    """Raises Problem if a token that is bound to accounts sends a trade of another account."""
    foreign = {key.partition(SEPARATOR)[0] for key in keys_of(events)} - own
    if foreign:
        raise foreign_accounts(own, min(foreign))


def foreign_accounts(own: frozenset[str], account: str) -> Problem:
    """The refusal of what a token that is bound to its `own` accounts sends of another account."""
    bound = f"this token sends trades of {', '.join(sorted(own))}, not of {account!r}"
    return Problem("forbidden", f"{bound}; nothing of this request was taken")


def media_type(headers: Headers) -> bytes:
    """The Content-Type without its parameters."""
    return _media_type(headers.get(b"content-type", b""))


@lru_cache(maxsize=64)
def _media_type(content_type: bytes) -> bytes:
    return content_type.partition(b";")[0].strip().lower()


def require_json(headers: Headers, body: bytes, advice: str) -> None:
    """Raises TradeProblem (`unsupported_media_type`) if the body is not sent as JSON."""
    kind = media_type(headers)
    if kind != JSON:
        raise _unsupported(kind, body, advice)


def is_form(headers: Headers, body: bytes) -> bool:
    """Whether it is a form, and not JSON with a form's Content-Type, which is curl's default."""
    return media_type(headers) in FORMS and body.lstrip()[:1] not in (b"{", b"[")


def _unsupported(kind: bytes, body: bytes, advice: str) -> Problem:
    if kind in FORMS and body.lstrip()[:1] in (b"{", b"["):
        advice = "this is JSON sent as a form; add the header 'Content-Type: application/json'"
    shown = kind[:100].decode("latin-1") or "(none)"
    return TradeProblem("unsupported_media_type", f"Content-Type {shown!r} is not supported: {advice}")
