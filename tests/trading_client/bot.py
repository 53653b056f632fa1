"""A bot: records trades until it is killed, and prints the id of each after `record` has returned.

`python -m tests.trading_client.bot URL SPOOL ACCOUNT [COUNT]`. With a COUNT it records that number of trades and
ends as a program ends, without closing the client.
"""

import itertools
import os
import sys

from tests.support.polling import PATIENCE_SECONDS
from trading_client import TradingClient


def main() -> None:
    """Run the bot."""
    url, spool, account, *rest = sys.argv[1:]
    client = TradingClient(url, account=account, spool=spool, exit_timeout=PATIENCE_SECONDS)
    for count in range(int(rest[0])) if rest else itertools.count():
        trade_id = client.record("BTC/USDT", ("buy", "sell")[count % 2], f"{64_000 + count % 999}.10", "0.25")
        os.write(1, trade_id.encode() + b"\n")


if __name__ == "__main__":
    main()
