"""Records the deals of a MetaTrader 5 terminal on Windows: `python mt5_deals.py`.

Not tried with a terminal: written from the documents of the package MetaTrader5 (history_deals_get, symbol_info).
    pip install MetaTrader5 trading-client

A deal's volume is in lots; the size of a lot comes from the terminal, as `multiplier`. Swap becomes cash. Deals have
the time of the trade server, which is not UTC: give its offset.
"""

import sys
import time
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from trading_client import TradingClient

UTC = timezone.utc  # noqa: UP017 -- Python 3.9 too
SERVER_OFFSET = timedelta(hours=3)  # of the trade server; brokers differ, many change it in summer
POLL_SECONDS = 5
BACK = timedelta(days=1)

BUY, SELL, BALANCE = 0, 1, 2  # DEAL_TYPE_…


def record_deals(client: TradingClient, terminal: Any, since: datetime, until: datetime) -> None:
    """Record the deals between two times of the server. Recording a deal twice adds nothing."""
    currency = terminal.account_info().currency
    for deal in terminal.history_deals_get(since, until) or ():
        at = datetime.fromtimestamp(deal.time_msc / 1000, UTC) - SERVER_OFFSET
        if deal.type in (BUY, SELL):
            size = terminal.symbol_info(deal.symbol).trade_contract_size
            client.record(
                deal.symbol,
                "buy" if deal.type == BUY else "sell",
                deal.price,
                deal.volume,
                at,
                str(deal.ticket),
                order_id=str(deal.order),
                fee=-(Decimal(repr(deal.commission)) + Decimal(repr(deal.fee))),
                fee_currency=currency,
                currency=currency,
                multiplier=size,
            )
            if deal.swap:
                client.cash(currency, deal.swap, "interest", at, f"swap-{deal.ticket}", symbol=deal.symbol)
        elif deal.type == BALANCE and deal.profit:
            reason = "deposit" if deal.profit > 0 else "withdrawal"
            client.cash(currency, deal.profit, reason, at, f"balance-{deal.ticket}")


def main() -> int:
    """Follow the terminal that runs on this machine."""
    import MetaTrader5 as terminal  # noqa: N813, PLC0415 -- Windows has it

    if not terminal.initialize():
        print(f"no terminal: {terminal.last_error()}", file=sys.stderr)
        return 1
    account = str(terminal.account_info().login)
    with TradingClient(account=account, spool="spool") as client:
        while True:
            now = datetime.now(UTC) + SERVER_OFFSET
            record_deals(client, terminal, now - BACK, now + BACK)
            time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
