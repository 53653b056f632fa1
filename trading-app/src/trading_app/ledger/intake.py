"""Takes requests with events of other kinds than fills: from bytes to the answer."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from service_kit.http_types import Headers
from service_kit.problems import Problem
from service_kit.responses import Answer
from telemetry_stream.errors import StreamClosed, StreamError
from telemetry_stream.log import StreamReader
from trading_app.access.caller import Caller
from trading_app.context import Context
from trading_app.intake.decode import submission
from trading_app.intake.event import TradeIds
from trading_app.intake.results import refusal
from trading_app.intake.service import default_account, foreign_accounts, origin, require_json, way_of
from trading_app.ledger import results
from trading_app.ledger.corrections import Decider, OpenPosition, accounts_of
from trading_app.ledger.earlier_trades import FirstTrade
from trading_app.ledger.event import LedgerEvent
from trading_app.ledger.known import Asked, read_asked
from trading_app.ledger.registry import Registry
from trading_app.ledger.request import KindRequest, MadeIds, read_events
from trading_app.ledger.view import LedgerView


class LedgerIntake:
    """Decides one request at a time: nothing that it looks up may change before its events are committed.

    Fills go on meanwhile; no event can be corrected before its own answer is known, so they change nothing here.
    """

    def __init__(
        self,
        context: Context,
        registry: Registry,
        latest_ns: Callable[[], int],
        open_positions: Callable[[], Sequence[OpenPosition]],
        first_trade: FirstTrade,
    ) -> None:
        """`latest_ns` returns the latest time known, in ns since 1970; `open_positions` those known now."""
        self._first_trade = first_trade
        self._open_positions = open_positions
        self._context = context
        self._registry = registry
        self._latest_ns = latest_ns
        self._ids = TradeIds()
        self._turn = asyncio.Lock()

    async def take(self, caller: Caller, headers: Headers, body: bytes) -> Answer:
        """Commit what the request wants, and answer it. Raises Problem, DamagedHistory, StoreBusy."""
        require_json(headers, body, "send an event, or an array of them, as application/json")
        return await self.take_json(caller, headers, body)

    def read_asked(self, caller: Caller, body: bytes) -> Sequence[Asked]:
        """The events of a body that asks whether they are known. Raises Problem."""
        return read_asked(body, self._latest_ns(), self._context.settings.max_batch_trades, default_account(caller))

    async def take_json(
        self,
        caller: Caller,
        headers: Headers,
        body: bytes,
        way: str = "api",
        assumed: Sequence[frozenset[str]] = (),
    ) -> Answer:
        """Commit what a body that is known to be JSON wants, and answer it. `way` is stored as the way by which it
        came; `assumed` are the members of each event that its sender did not say. Raises Problem, DamagedHistory,
        StoreBusy.
        """
        key = headers.get(b"idempotency-key")
        now_ns = self._latest_ns()
        ids = MadeIds(self._ids, now_ns, key, caller.id, body)
        maximum = self._context.settings.max_batch_trades
        requests, single = read_events(body, now_ns, ids, maximum, default_account(caller))
        if assumed:
            requests = [replace(one, made=one.made | names) for one, names in zip(requests, assumed, strict=True)]
        _require_scopes(caller, requests)
        async with self._turn:
            try:
                events = await self._context.stream.ask(
                    lambda reader: self._decide(reader, caller, requests, now_ns, single)
                )
            except StreamClosed as error:
                raise refusal(error) from None
            try:
                given_by = origin(caller, way_of(headers, way))
                outcome = await self._context.stream.commit(
                    submission(events, key, "events", body, caller.id, given_by)
                )
            except StreamError as error:
                raise refusal(error) from None
            receipt = results.receipt_of(outcome, events, single=single)
            if any(event.kind in ("import", "instrument", "void") for event in events):
                with suppress(StreamClosed):  # what was committed is, and nobody asks the registry any more
                    await self._context.stream.ask(self._registry.refresh)
        self._context.metrics.accepted_events += receipt.accepted
        return results.answer(receipt, events, single=single)

    def _decide(
        self, reader: StreamReader, caller: Caller, requests: Sequence[KindRequest], now_ns: int, single: bool
    ) -> list[LedgerEvent]:
        view = LedgerView(reader)
        if caller.accounts is not None:
            _require_own_accounts(caller.accounts, requests, view)
        says_settlement = any(request.kind.name == "instrument" for request in requests)
        open_positions = self._open_positions() if says_settlement else ()
        first_trade = partial(self._first_trade, ledger=reader.stream)
        decider = Decider(view, self._registry.copy(), now_ns, open_positions, first_trade)
        return decider.decide(requests, single=single)


def _require_scopes(caller: Caller, requests: Sequence[KindRequest]) -> None:
    """Raises Problem if the token may not send events of one of these kinds."""
    for request in requests:
        if request.kind.scope not in caller.scopes:
            had = ", ".join(sorted(caller.scopes))
            detail = f"the scope {request.kind.scope} is needed for the kind {request.kind.name}; this token has {had}"
            raise Problem("forbidden", f"{detail}; nothing of this request was accepted")


def _require_own_accounts(own: frozenset[str], requests: Sequence[KindRequest], view: LedgerView) -> None:
    """Raises Problem if a token that is bound to accounts sends an event that changes figures of others."""
    view.hold(request.target for request in requests if request.target)
    for request in requests:
        accounts = accounts_of(request, view)
        if accounts is None:
            detail = f"an event of the kind {request.kind.name} is for all accounts"
            raise Problem("forbidden", f"this token is bound to {', '.join(sorted(own))}; {detail} unless it names one")
        if accounts - own:
            raise foreign_accounts(own, min(accounts - own))
