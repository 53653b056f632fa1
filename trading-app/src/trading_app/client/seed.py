"""`trading-app seed`: fills an empty ledger with the made-up past of some weeks, so that every page shows something."""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import msgspec

from trading_app.client import target
from trading_app.client.arguments import positive_integer
from trading_app.client.errors import ClientError, NotEmpty, UsageError
from trading_app.client.past import Item, past
from trading_app.client.tally import Receipt

DAYS = 42
MIN_DAYS, MAX_DAYS = 10, 3_650
MAX_EVENTS_A_REQUEST = 500
GIVE_UP_SECONDS = 60.0

Deliver = Callable[..., bytes]
"""`Delivery.deliver`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `seed`."""
    add = parser.add_argument
    add("--days", type=positive_integer, default=DAYS, help=f"length of the past (default: {DAYS})")
    add("--until", metavar="DATE", type=_day, help="its end, a day in UTC such as 2026-11-28 (default: today)")
    add("--seed", type=int, default=1, help="the same seed and end make the same events (default: 1)")
    target.add_arguments(parser)


def run(arguments: argparse.Namespace, settings: target.Settings) -> int:
    """Fill the ledger. Returns the exit code: 0 done, 1 refused or no app, 2 a wrong argument, 130 interrupted."""
    # Imported here, so that the server, which imports this module, loads neither httpx nor rich.
    from trading_app.client.delivery import Delivery  # noqa: PLC0415 -- see above

    try:
        if not MIN_DAYS <= arguments.days <= MAX_DAYS:
            raise UsageError(f"--days: {MIN_DAYS} to {MAX_DAYS:,}")
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        until = arguments.until or today
        if until > today:
            raise UsageError(f"--until: at most {today:%Y-%m-%d}, today in UTC")
        app = target.target(arguments, settings)
        with Delivery(app, GIVE_UP_SECONDS) as delivery:
            delivery.ping()
            _require_empty(delivery.deliver)
            items = past(arguments.seed, until, arguments.days)
            _send(items, delivery.deliver)
    except ClientError as error:
        print(f"trading-app seed: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(
            "trading-app seed: interrupted; the ledger has a part of it: remove it before you begin again",
            file=sys.stderr,
        )
        return 130
    fills = sum("kind" not in item.event for item in items)
    print(f"{fills:,} trades and {len(items) - fills:,} other events of {arguments.days} days up to {until:%Y-%m-%d}")
    print(f"  open {app.url}/history")
    return 0


def _day(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day such as 2026-11-28") from None


def _require_empty(deliver: Deliver) -> None:
    """Raises NotEmpty where the ledger has any event."""
    for path, name in (("/trades?limit=1", "trades"), ("/events?limit=1", "events")):
        try:
            found = msgspec.json.decode(deliver(path, b"", {}, "GET"), type=dict[str, Any])[name]
        except (msgspec.MsgspecError, KeyError):
            raise UsageError("what answers there is not the trading app: see --url") from None
        if found:
            raise NotEmpty("the ledger is not empty: made-up trades don't go among real ones; set another DATA_DIR")


def _send(items: Iterable[Item], deliver: Deliver) -> None:
    """Send the events of the past, in order. Raises NotEmpty, Refused, Unreachable."""
    done = 0
    for path, body, number in requests(items):
        receipt = msgspec.json.decode(deliver(path, body, {"Content-Type": "application/json"}), type=Receipt)
        done += number
        # Corrections name sequences. Nothing is accepted where the answer to a first attempt was lost.
        if receipt.accepted and receipt.last_seq != done:
            raise NotEmpty(f"another program sends to this ledger: event {done} became {receipt.last_seq}")


def requests(items: Iterable[Item]) -> Iterator[tuple[str, bytes, int]]:
    """Path and body of each request, and how many events it has."""
    for (is_fill, import_id), group in groupby(items, lambda item: ("kind" not in item.event, item.import_id)):
        path = (f"/trades?import_id={import_id}" if import_id else "/trades") if is_fill else "/events"
        events = [item.event for item in group]
        for first in range(0, len(events), MAX_EVENTS_A_REQUEST):
            some = events[first : first + MAX_EVENTS_A_REQUEST]
            yield path, msgspec.json.encode(some), len(some)
