"""`trading-app follow ccxt --exchange NAME`: takes an account's trades from an exchange as they happen."""

import argparse
import json
import logging
import os
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from trading_app.client import target
from trading_app.client.arguments import plain_name, positive_number
from trading_app.client.errors import ClientError, Refused, Unreachable, UsageError
from trading_model.field_rules import FieldError, check_name

if TYPE_CHECKING:
    from trading_app.follow.follower import Counts
    from trading_client import Status
    from trading_files.readings import EventRow

INTERRUPTED = 130
APP_SECONDS = 30.0
SECRETS = ("apiKey", "secret", "password", "uid", "privateKey", "walletAddress", "token", "twofa")
FIRST_DELAY, MAX_DELAY = 1.0, 300.0


class Settings(target.Settings, Protocol):
    """The settings that following uses."""

    @property
    def data_folder(self) -> Path: ...


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `follow`."""
    parser.description = (
        "Asks an exchange for an account's trades again and again, through ccxt, and sends what is new to the app. The"
        " keys come from the environment: BINANCE_API_KEY and BINANCE_SECRET for binance. Use keys that may only read."
    )
    add = parser.add_argument
    add("source", choices=["ccxt"], help="what asks the exchange")
    add("--exchange", required=True, type=plain_name, help="ccxt's name of it: binance, kraken, bybit, okx …")
    add("--symbols", default="", help="symbols as ccxt writes them, separated by commas (default: all, where it can)")
    add("--since", metavar="TIME", help="the first start takes trades from this time on (default: now)")
    add("--interval", type=positive_number, default=30.0, metavar="SECONDS", help="between rounds (default: 30)")
    add("--once", action="store_true", help="one round, then end")
    add("--account", type=owner, help="the account of the trades (default: that of the token, else default)")
    add("--strategy", type=owner, help="the strategy of the trades (default: default)")
    add("--config", metavar="FILE", help='JSON for ccxt\'s class, such as {"options":{"defaultType":"swap"}}')
    add("--state", metavar="FOLDER", help="where it remembers how far it is (default: in DATA_DIR)")
    target.add_arguments(parser)


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Follow. Returns the exit code: 0 all taken, 1 not all taken or no answer, 2 wrong argument, 130 interrupted."""
    # Imported here, so that the server, which imports this module, loads none of it.
    from trading_app.follow.source import FollowError  # noqa: PLC0415 -- see above
    from trading_client import TradingClientError  # noqa: PLC0415 -- see above

    try:
        return _follow(arguments, settings)
    except (ClientError, FollowError) as error:
        return _say(str(error), error.exit_code)
    except (TradingClientError, OSError) as error:
        return _say(str(error), 1)
    except KeyboardInterrupt:
        return _say("interrupted; the next start goes on where this one was", INTERRUPTED)


def _follow(arguments: argparse.Namespace, settings: Settings) -> int:
    from trading_app.follow.ccxt_source import open_exchange  # noqa: PLC0415 -- only this command needs it
    from trading_app.follow.follower import Follower  # noqa: PLC0415
    from trading_app.follow.position import Position  # noqa: PLC0415
    from trading_app.follow.reader import UnifiedReader  # noqa: PLC0415
    from trading_app.follow.source import Unavailable  # noqa: PLC0415 -- only `follow` needs it
    from trading_client import TradingClient  # noqa: PLC0415
    from trading_client.backoff import backoff  # noqa: PLC0415
    from trading_files.readings import Choices  # noqa: PLC0415

    logging.getLogger("trading_client").addHandler(logging.NullHandler())  # what it says is printed below
    since_ms = read_since(arguments.since)
    app = target.target(arguments, settings)
    symbols = [symbol.strip() for symbol in arguments.symbols.split(",") if symbol.strip()]
    source = open_exchange(arguments.exchange, os.environ, _config(arguments.config))
    folder = _folder(arguments, settings)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    reader = UnifiedReader(
        source.name, Choices(account=arguments.account or "", strategy=arguments.strategy or ""), source.contract_size
    )
    with TradingClient(app.url, app.token, spool=folder / "spool") as client:
        position = Position(folder / "position.json", source.name)
        follower = Follower(
            source,
            client,
            position,
            reader,
            symbols,
            lambda row: _say_instrument(row, app),
            lambda event: has(event, app),
        )
        print(f"following {source.name}, {', '.join(symbols) or 'all symbols'}; Ctrl-C ends", file=sys.stderr)
        notes, delays = _Notes(), backoff(FIRST_DELAY, MAX_DELAY)
        while True:
            failure = ""
            try:
                follower.round(since_ms)
            except Unavailable as error:
                failure = str(error)
            notes.show(follower.counts, client.status(), failure)
            if arguments.once:
                return 1 if failure or follower.counts.bad or client.status().refused else 0
            time.sleep(next(delays) if failure else arguments.interval)
            if not failure:
                delays = backoff(FIRST_DELAY, MAX_DELAY)


def owner(text: str) -> str:
    """The name of an account or a strategy."""
    try:
        return check_name(text)
    except FieldError as error:
        raise argparse.ArgumentTypeError(f"{text!r} {error}") from None


def read_since(text: str | None) -> int | None:
    """The time in Unix milliseconds; None without a text. Raises UsageError."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--since {text!r} is not a time such as 2026-01-31 or 2026-01-31T12:00:00Z") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1_000)


class _Notes:
    """Prints what changed since the last round."""

    def __init__(self) -> None:
        self._last: tuple[object, ...] = ()

    def show(self, counts: "Counts", status: "Status", failure: str) -> None:
        """Print a line if there is something new to say."""
        skipped = sum(counts.skipped.values())
        now = (counts.trades, counts.payments, skipped, counts.bad, status.refused, failure)
        if now == self._last:
            return
        self._last = now
        print(
            f"trades {counts.trades}, funding {counts.payments}; accepted {status.accepted}, duplicates"
            f" {status.duplicates}, refused {status.refused}, skipped {skipped}, not readable {counts.bad}",
            flush=True,
        )
        for problem in counts.problems:
            print(f"  {problem}", file=sys.stderr)
        counts.problems.clear()
        for refusal in status.last_refusals:
            print(f"  the app refused {refusal.line}: {refusal.reason}", file=sys.stderr)
        if failure:
            print(f"  {failure}; it is tried again", file=sys.stderr)


def _say_instrument(row: "EventRow", app: target.Target) -> None:
    """Tell the app what a symbol is; where the token may not, say so and go on."""
    from trading_app.client.delivery import Delivery  # noqa: PLC0415 -- see above
    from trading_app.follow.source import Unavailable  # noqa: PLC0415 -- only `follow` needs it
    from trading_files.readings import event_as_sent  # noqa: PLC0415

    event = event_as_sent(row)
    text = json.dumps(event, sort_keys=True)
    event["id"] = f"ccxt-{blake2b(text.encode(), digest_size=16).hexdigest()}"
    try:
        with Delivery(app, APP_SECONDS) as delivery:
            delivery.deliver("/events", json.dumps(event).encode(), {"Content-Type": "application/json"})
    except Unreachable as error:
        raise Unavailable(str(error)) from None
    except Refused as refusal:
        print(f"  what {row.members.get('symbol')} is, {text}, was not taken: {refusal.detail}", file=sys.stderr)


def has(event: Mapping[str, str], app: target.Target) -> bool:
    """Whether the ledger has a trade, or another event by its kind and id; true where the app refuses to say."""
    from trading_app.client.delivery import Delivery  # noqa: PLC0415 -- see above
    from trading_app.follow.source import Unavailable  # noqa: PLC0415 -- only `follow` needs it

    path = "/known/events" if "kind" in event else "/known"
    try:
        with Delivery(app, APP_SECONDS) as delivery:
            body = json.dumps([event]).encode()
            answer = json.loads(delivery.deliver(path, body, {"Content-Type": "application/json"}))
    except Unreachable as error:
        raise Unavailable(str(error)) from None
    except Refused:
        return True
    return not answer["new"]


def _config(name: str | None) -> Mapping[str, Any]:
    """What the file says for ccxt's class. Raises UsageError."""
    if name is None:
        return {}
    try:
        config = json.loads(Path(name).read_text())
    except (OSError, ValueError) as error:
        raise UsageError(f"--config {name}: {error}") from None
    if not isinstance(config, dict):
        raise UsageError(f"--config {name}: a JSON object is needed")
    secret = [key for key in SECRETS if key in config]
    if secret:
        raise UsageError(f"--config {name} has {', '.join(secret)}: keys belong into the environment")
    return config


def _folder(arguments: argparse.Namespace, settings: Settings) -> Path:
    if arguments.state:
        return Path(arguments.state)
    return settings.data_folder / "follow" / quote(f"{arguments.exchange} {arguments.account or 'default'}", safe="")


def _say(text: str, code: int) -> int:
    print(f"trading-app follow: {text}", file=sys.stderr)
    return code
