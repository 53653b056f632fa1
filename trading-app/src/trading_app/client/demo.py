"""`trading-app demo`: sends simulated trades to a running app, so that the page and the dashboards show something."""

import argparse
import secrets
from collections.abc import Iterable, Iterator
from itertools import islice

import msgspec

from trading_app.client import market, target
from trading_app.client.arguments import plain_name, positive_number, zero_or_more
from trading_app.client.batches import Line, gather
from trading_app.client.market import DemoTrade
from trading_app.client.pace import batch_size
from trading_app.client.tally import Tally

ACCOUNT = VENUE = "demo"
MAX_TRADES_A_REQUEST = 1_000
HOW_TO_CONTINUE = "start the demo again for more"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `demo`."""
    add = parser.add_argument
    add("--rate", type=positive_number, default=20.0, metavar="TRADES", help="trades a second (default: 20)")
    add("--seconds", type=zero_or_more, default=60.0, help="duration (default: 60; 0: until Ctrl-C)")
    add("--seed", type=int, default=1, help="the same seed makes the same trades (default: 1)")
    add("--run", type=plain_name, metavar="NAME", help="part of each trade_id: a repeated run adds no trades")
    add("--market", nargs=2, metavar=("LIVE", "REPLAY"), help="trade at market-feed's prices: its ZeroMQ endpoints")
    target.add_arguments(parser)


def run(arguments: argparse.Namespace, settings: target.Settings) -> int:
    """Send the demo. Returns the exit code: 0 all sent, 1 refused or no app, 2 a wrong argument, 130 interrupted."""
    # Imported here, so that the server, which imports this module, loads neither httpx nor rich.
    from trading_app.client import transfer  # noqa: PLC0415 -- see above
    from trading_app.client.followed_market import FollowedMarket  # noqa: PLC0415 -- see above

    def work(tally: Tally) -> None:
        app = target.target(arguments, settings)
        count = max(1, round(arguments.rate * arguments.seconds)) if arguments.seconds else None
        price_of = FollowedMarket(*arguments.market).price if arguments.market else market.no_price
        # At the followed market's prices they are trades of that market, which has their slippage.
        venue = "" if arguments.market else VENUE
        made = lines(
            islice(market.trades(arguments.seed, price_of), count), arguments.run or secrets.token_hex(4), venue
        )
        batches = gather(made, batch_size(arguments.rate, MAX_TRADES_A_REQUEST))
        greeting = introduction(app.url, settings.sidecar_url, count, arguments.rate)
        job = transfer.Job(app, batches, count, lambda: tally.sent, arguments.rate, greeting=greeting)
        transfer.transfer(job, tally)

    return transfer.conclude(work, HOW_TO_CONTINUE)


def introduction(app_url: str, sidecar_url: str, count: int | None, rate: float) -> str:
    """The first lines of output: what is sent, and where to watch it."""
    amount = "trades without end (Ctrl-C ends)" if count is None else f"{count:,} trades"
    return f"sending {amount} at {rate:g}/s to {app_url}\n  the page: {app_url}/\n  the metrics: {sidecar_url}/metrics"


def lines(trades: Iterable[DemoTrade], run_name: str, venue: str) -> Iterator[Line]:
    """The trades as they are sent, numbered within their run. They have no `ts`: the app sets it."""
    common = {"account": ACCOUNT, **({"venue": venue} if venue else {})}
    for number, trade in enumerate(trades, 1):
        amounts = {name: format(getattr(trade, name), "f") for name in ("price", "qty", "fee")}
        own = {"trade_id": f"demo-{run_name}-{number}"}
        yield Line(msgspec.json.encode(own | common | trade._asdict() | amounts), f"trade {number}")
