"""The command `market-feed`: serves without arguments; other commands look after the schedule."""

import argparse
import os
import sys

from market_feed import __version__
from service_kit.lifecycle.signals import EndSignals


def main() -> int:
    """Run the command. Exit codes: 0 ended as asked, 1 failed, 2 a setting or an argument is invalid."""
    signals = EndSignals()  # first: the imports below take a third of a second, during which a signal may arrive
    arguments = _parser().parse_args()

    from market_feed.environment import read_settings
    from service_kit.settings import SettingError, load_environment, project_root

    try:
        settings = read_settings(load_environment(os.environ, project_root()))
    except SettingError as error:
        print(f"market-feed: {error}", file=sys.stderr)
        return 2
    if arguments.command == "schedule":
        from market_feed.commands import schedule

        signals.give_back()
        symbols = [symbol.rpartition(":")[2] for symbol in settings.symbols]
        if arguments.what == "check":
            return schedule.check(settings.schedule_file, symbols)
        return schedule.show_next(settings.schedule_file, symbols, arguments.count)
    import uvloop

    from market_feed.run import run

    code = uvloop.run(run(settings, signals))
    signals.ignore()
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="market-feed",
        description="Journals what exchanges publish and passes it on: every trade once, in the order of its id. "
        "Settings come from the environment and .env; .env.sample lists them.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", metavar="schedule")
    schedule = commands.add_parser("schedule", help="check the schedule, or print the next openings")
    schedule.add_argument("what", nargs="?", choices=("check",), help="look the file over")
    schedule.add_argument(
        "--next", dest="count", type=int, default=5, metavar="N", help="print N openings (default: 5)"
    )
    return parser
