"""TradingClient: records trades at once, and sends them in the background."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import threading
import time
import weakref
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from trading_client import fields
from trading_client.delivery import Delivery
from trading_client.errors import Closed, SpoolError, SpoolFull
from trading_client.fields import Number, Time
from trading_client.ids import TradeIds
from trading_client.refused import RefusedLines
from trading_client.sender import Sender
from trading_client.spool import Spool
from trading_client.status import Status

TOKEN_VARIABLE = "TRADING_APP_TOKEN"
MAX_SPOOL_BYTES = 256 << 20


class TradingClient:
    """Records trades in a folder at once, and sends them to the app in a thread of its own. A context manager.

    When `record` returns, the trade survives the end of this process, however it ends (`kill -9` too). A power cut may
    cost the last seconds, unless `sync` is true: `record` then waits for the disk, which takes milliseconds.

    `url` is the app's address. `token` is its API token; by default the environment's TRADING_APP_TOKEN. `account` and
    `strategy` are those of trades that name none. `spool` is the folder; it may be shared by clients of one app, in one
    or several processes. What an earlier process left there is sent too. `max_spool_bytes` is the maximum of what waits
    and of the refused lines in the folder. `exit_timeout` is how long the end of the program waits for what is not
    sent, in seconds. All methods may be called from any thread.

    Raises ValueError for an invalid argument, SpoolError if the folder can't be used.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        token: str | None = None,
        account: str | None = None,
        strategy: str | None = None,
        *,
        spool: str | os.PathLike[str],
        sync: bool = False,
        max_spool_bytes: int = MAX_SPOOL_BYTES,
        exit_timeout: float = 5.0,
    ) -> None:
        fields.check_owner(account, strategy)
        self._url, self._token = url, token or os.environ.get(TOKEN_VARIABLE) or None
        self._account, self._strategy = account, strategy
        self._folder, self._sync, self._max_bytes = Path(spool).absolute(), sync, max_spool_bytes
        self._exit_timeout = exit_timeout
        self._lock = threading.RLock()  # a signal's handler may record while its thread records
        self._closed = False
        self._ids = TradeIds()
        self._begin()
        _clients.add(self)
        atexit.register(self._at_exit)

    def __repr__(self) -> str:
        return f"TradingClient(url={self._url!r}, spool={str(self._folder)!r})"

    def record(
        self,
        symbol: str,
        side: str,
        price: Number,
        qty: Number,
        ts: Time = None,
        trade_id: str | None = None,
        *,
        fee: Number | None = None,
        fee_currency: str | None = None,
        account: str | None = None,
        strategy: str | None = None,
        venue: str | None = None,
        order_id: str | None = None,
        currency: str | None = None,
        position_side: str | None = None,
        multiplier: Number | None = None,
        tags: Sequence[str] | None = None,
    ) -> str:
        """Record a trade, and return its `trade_id`, which is made if none is given.

        `ts` is its time: an aware datetime, RFC 3339, or seconds, milliseconds, microseconds or nanoseconds since 1970;
        now by default. Give the exchange's own id as `trade_id` where there is one: a file of the same trades, imported
        later, then adds none twice. The app's document of `POST /trade` describes the other members.

        Raises FieldError, a ValueError, if the app would refuse a value; SpoolFull, SpoolError, Closed. The trade is
        then not recorded.
        """
        now_ns = time.time_ns()
        trade_id = self._ids.make() if trade_id is None else fields.check_identifier("trade_id", trade_id)
        if account is None:
            account = self._account
        if strategy is None:
            strategy = self._strategy
        optional = (
            ("account", account),
            ("strategy", strategy),
            ("venue", venue),
            ("order_id", order_id),
            ("fee", fee),
            ("fee_currency", fee_currency),
            ("currency", currency),
            ("position_side", position_side),
            ("multiplier", multiplier),
        )
        self._append(fields.trade_line(symbol, side, price, qty, ts, trade_id, now_ns, optional, tags), account)
        return trade_id

    def cash(
        self,
        currency: str,
        amount: Number,
        reason: str,
        ts: Time = None,
        event_id: str | None = None,
        *,
        account: str | None = None,
        strategy: str | None = None,
        symbol: str | None = None,
        position_side: str | None = None,
        venue: str | None = None,
        text: str | None = None,
    ) -> str:
        """Record money without a trade, and return its id, which is made if none is given.

        `amount` is received if more than 0, paid if less. `reason` is one of `fields.CASH_REASONS`: funding, interest,
        deposit and so on. Without a `strategy` it is the account's own, also if the client has a strategy. Raises as
        `record` does.
        """
        now_ns = time.time_ns()
        if event_id is None:
            event_id = self._ids.make()
        if account is None:
            account = self._account
        line = fields.cash_line(
            currency, amount, reason, ts, event_id, now_ns, account, strategy, symbol, position_side, venue, text
        )
        self._append(line, account)
        return event_id

    def flush(self, timeout: float = 30.0) -> bool:
        """Wait until all that is recorded so far is with the app or refused, and all that earlier processes left.

        False if `timeout` seconds were not enough; nothing is lost then.
        """
        self._begin_after_fork()
        return self._sender.wait_until_settled(timeout)

    def retry_refused(self) -> int:
        """Send the spool's refused lines again, after the cause is corrected; their number. Raises SpoolError."""
        try:
            return RefusedLines(self._folder).take(self._put_back)
        except OSError as error:
            raise SpoolError(f"{self._folder}: {error.strerror or error}") from error

    def close(self, timeout: float = 5.0) -> bool:
        """Record nothing more, send what is there for at most `timeout` seconds, and end. Whether all of it was sent.

        The rest stays in the spool, and is sent by the next client that uses it.
        """
        with self._lock:
            self._closed = True
            self._begin_after_fork()
        self._sender.end(timeout)
        atexit.unregister(self._at_exit)
        _clients.discard(self)
        return not self._spool.waiting_bytes

    def status(self) -> Status:
        """Counters and state as of now."""
        self._begin_after_fork()
        sender = self._sender
        return Status(
            recorded=self._recorded,
            accepted=sender.accepted,
            duplicates=sender.duplicates,
            refused=sender.refused,
            rejected_by_full_spool=self._rejected,
            failed_attempts=sender.failed_attempts,
            waiting_bytes=self._spool.waiting_bytes,
            refused_bytes=self._spool.refused_bytes,
            state=sender.state,
            trouble=sender.trouble,
            last_refusals=tuple(sender.last_refusals),
        )

    async def aflush(self, timeout: float = 30.0) -> bool:
        """Do what `flush` does, without blocking the event loop."""
        return await asyncio.to_thread(self.flush, timeout)

    async def aclose(self, timeout: float = 5.0) -> bool:
        """Do what `close` does, without blocking the event loop."""
        return await asyncio.to_thread(self.close, timeout)

    def __enter__(self) -> TradingClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close(self._exit_timeout)

    async def __aenter__(self) -> TradingClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose(self._exit_timeout)

    def _put_back(self, line: bytes) -> None:
        self._append(line, json.loads(line).get("account"))

    def _append(self, line: bytes, account: str | None) -> None:
        owner = "" if account is None or account == self._account else account
        with self._lock:
            if self._closed:
                raise Closed("the client is closed")
            self._begin_after_fork()
            try:
                self._spool.append(line, owner, sync=self._sync)
            except SpoolFull:
                self._rejected += 1
                raise
            self._recorded += 1
        self._sender.notice()

    def _begin(self) -> None:
        """Open the spool and start sending. Raises ValueError, SpoolError; a forked process then begins next time."""
        delivery = Delivery(self._url, self._token)
        self._recorded = self._rejected = 0
        self._spool = Spool(self._folder, self._max_bytes)
        self._sender = Sender(self._spool, delivery)
        self._sender.start()
        self._is_fork = False

    def _begin_after_fork(self) -> None:
        """Begin with a spool of its own in a forked process, whose parent keeps its segments and its thread."""
        if self._is_fork:
            self._begin()

    def _leave_to_parent(self) -> None:
        self._is_fork = True
        self._ids = TradeIds()
        self._lock = threading.RLock()
        self._sender.leave_to_parent()

    def _at_exit(self) -> None:
        self.close(self._exit_timeout)


_clients: weakref.WeakSet[TradingClient] = weakref.WeakSet()


def _after_fork() -> None:
    for client in list(_clients):
        client._leave_to_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
