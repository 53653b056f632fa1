"""The command `trading-analytics`: serves without arguments; `rebuild`, `check` and `backup` look after the history."""

import argparse
import os
import sys
from pathlib import Path

from service_kit.lifecycle.signals import EndSignals
from service_kit.without_rich import import_without_rich
from trading_analytics import __version__


def main() -> int:
    """Run the command. Exit codes: 0 ended as asked, 1 failed, 2 a setting or an argument is invalid."""
    signals = EndSignals()  # first: the imports below take a third of a second, during which a signal may arrive
    arguments = _parser().parse_args()

    from service_kit.settings import SettingError, load_environment, project_root
    from trading_analytics.environment import read_settings

    try:
        settings = read_settings(load_environment(os.environ, project_root()))
    except SettingError as error:
        print(f"trading-analytics: {error}", file=sys.stderr)
        return 2
    if arguments.command == "rebuild":
        from trading_analytics.rebuilding import rebuild_history

        signals.give_back()
        return rebuild_history(settings.ledger)
    if arguments.command == "check":
        from trading_analytics.check import examine

        signals.give_back()
        return examine(settings.ledger, full=arguments.full)
    if arguments.command == "backup":
        from trading_analytics.backing_up import back_up_history

        signals.give_back()
        return back_up_history(settings.ledger.folder, arguments.folder)
    import_without_rich("structlog")
    import uvloop

    from trading_analytics.run import run

    code = uvloop.run(run(settings, signals))
    signals.ignore()
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="trading-analytics",
        description="Follows the trade stream and keeps its history in DATA_DIR. "
        "Settings come from the environment and .env; .env.sample lists them.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", metavar="rebuild|check|backup")
    commands.add_parser("rebuild", help="make the history again from the journal in DATA_DIR; end the program first")
    check = commands.add_parser("check", help="check the history; the program may be running")
    check.add_argument("--full", action="store_true", help="compare every row with those of a rebuild; takes its time")
    backup = commands.add_parser("backup", help="copy the history and the candles; the program may be running")
    backup.add_argument("folder", type=Path, help="a new or empty folder for the copies")
    return parser
