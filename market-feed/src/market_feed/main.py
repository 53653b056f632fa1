"""The command `market-feed`: serves without arguments."""

import argparse
import os
import sys

from market_feed import __version__
from service_kit.lifecycle.signals import EndSignals


def main() -> int:
    """Run the command. Exit codes: 0 ended as asked, 1 failed, 2 a setting or an argument is invalid."""
    signals = EndSignals()  # first: the imports below take a third of a second, during which a signal may arrive
    _parser().parse_args()

    from market_feed.environment import read_settings
    from service_kit.settings import SettingError, load_environment, project_root

    try:
        settings = read_settings(load_environment(os.environ, project_root()))
    except SettingError as error:
        print(f"market-feed: {error}", file=sys.stderr)
        return 2
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
    return parser
