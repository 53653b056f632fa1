"""The command `market-feed`: serves without arguments; other commands check, record, replay, export, simulate."""

import argparse
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from market_feed import __version__
from service_kit.lifecycle.signals import EndSignals
from service_kit.without_rich import import_without_rich

if TYPE_CHECKING:
    from market_feed.environment import Settings


def main() -> int:
    """Run the command. Exit codes: 0 ended as asked, 1 failed, 2 a setting or an argument is invalid."""
    signals = EndSignals()  # first: the imports below take a third of a second, during which a signal may arrive
    arguments = _parser().parse_args()

    from market_feed.environment import read_settings
    from market_feed.known_venues import venues
    from service_kit.settings import SettingError, load_environment, project_root

    try:
        settings = read_settings(load_environment(os.environ, project_root()))
        venues(settings)
    except SettingError as error:
        print(f"market-feed: {error}", file=sys.stderr)
        return 2
    if arguments.command:
        signals.give_back()
        return _command(arguments, settings)
    import_without_rich("structlog", "httpx")
    import uvloop

    from market_feed.run import run

    code = uvloop.run(run(settings, signals))
    signals.ignore()
    return code


def _command(arguments: argparse.Namespace, settings: "Settings") -> int:
    """One of the commands besides serving."""
    from market_feed.known_venues import venues

    first, _ = venues(settings)[0]
    symbols = settings.symbols_of(first.name)
    if arguments.command == "schedule":
        from market_feed.commands import schedule

        named = [symbol.rpartition(":")[2] for symbol in settings.symbols]
        if arguments.what == "check":
            return schedule.check(settings.schedule_file, named)
        return schedule.show_next(settings.schedule_file, named, arguments.count)
    if arguments.command == "check":
        from market_feed.commands.check import check

        asked = [(venue, rest_url, settings.symbols_of(venue.name)) for venue, rest_url in venues(settings)]
        return check(asked, settings.fill_weight)
    if arguments.command == "simulate":
        from market_feed.commands.simulate import simulate

        named = list(settings.symbols_of(first.name)) or ["BTC-USDT", "ETH-USDT"]
        return simulate(arguments.port, named, arguments.rate, arguments.recordings, arguments.speed)
    if arguments.command == "record":
        from market_feed.commands.record import record

        return record(first, symbols, arguments.file, arguments.seconds)
    if arguments.command == "replay":
        from market_feed.commands.replay import replay

        return replay(first, symbols, settings.market_data, arguments.file, arguments.folder, arguments.speed)
    from market_feed.commands.export import export

    return export(settings.market_data, arguments.parquet)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="market-feed",
        description="Journals what exchanges publish and passes it on: every trade once, in the order of its id. "
        "Settings come from the environment and .env; .env.sample lists them.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("check", help="ask the venues what a feed will need, and say what is missing; run it first")
    schedule = commands.add_parser("schedule", help="check the schedule, or print the next openings")
    schedule.add_argument("what", nargs="?", choices=("check",), help="look the file over")
    schedule.add_argument(
        "--next", dest="count", type=_count, default=5, metavar="N", help="print N openings (default: 5)"
    )
    simulate = commands.add_parser("simulate", help="run a simulated exchange on this machine")
    simulate.add_argument("recordings", nargs="*", type=Path, metavar="RECORDING", help="default: a random market")
    simulate.add_argument("--port", type=int, default=8004, help="TCP port (default: 8004)")
    simulate.add_argument("--rate", type=float, default=20, help="trades a second of the random market (default: 20)")
    simulate.add_argument("--speed", type=_speed, default=1.0, help="of the recordings: 1, 10, max (default: 1)")
    record = commands.add_parser("record", help="write what the first venue sends into a file")
    record.add_argument("file", type=Path, metavar="FILE.gz")
    record.add_argument("--seconds", type=float, default=60, help="(default: 60)")
    replay = commands.add_parser("replay", help="send a recording through the pipeline")
    replay.add_argument("file", type=Path, metavar="FILE.gz")
    replay.add_argument("--folder", type=Path, required=True, help="of the journal that it goes into")
    replay.add_argument("--speed", type=_speed, default=1.0, help="1, 10, max (default: 1)")
    export = commands.add_parser("export", help="write the journal's trades into a file")
    export.add_argument("--parquet", type=Path, required=True, metavar="FILE")
    return parser


def _count(text: str) -> int:
    """A number of things, at least 1."""
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return int(text)


def _speed(text: str) -> float:
    """A positive factor, or `max`."""
    value = math.inf if text == "max" else float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not above 0")
    return value
