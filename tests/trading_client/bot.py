"""A bot: records trades until it is killed, and prints the id of each after `record` has returned.

`python -m tests.trading_client.bot URL SPOOL ACCOUNT`. With a number as fourth argument it records so many and ends as
a program ends, without closing the client.
"""

import itertools
import os
import sys

from trading_client import TradingClient


def main() -> None:
    """Run the bot."""
    url, spool, account, *rest = sys.argv[1:]
    client = TradingClient(url, account=account, spool=spool, exit_timeout=60)
    for count in range(int(rest[0])) if rest else itertools.count():
        trade_id = client.record("BTC/USDT", ("buy", "sell")[count % 2], f"{64_000 + count % 999}.10", "0.25")
        os.write(1, trade_id.encode() + b"\n")


if __name__ == "__main__":
    main()
