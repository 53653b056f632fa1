"""The command `trading-app`. Without arguments it serves.

`import`, `imports`, `send`, `export`, `event`, `demo` and `seed` are clients of a running app. `doctor`, `backup` and
`restore` maintain its journal. `zmq-keys` makes keys for its ZeroMQ ports, `token` makes API tokens, `hook` looks after
webhooks.
"""

import argparse
import gc
import importlib
import os
import sys
from typing import Any

from service_kit.lifecycle.signals import EndSignals
from service_kit.without_rich import import_without_rich

COMMANDS = {
    "import": ("client.import_files", "show what a trader's file would change, and take it"),
    "imports": ("client.imports", "list imports, and take one back"),
    "send": ("client.send", "post a file of trades"),
    "export": ("client.export", "write trades to a file that can be imported again"),
    "event": ("client.event", "post a correction, cash, or another event"),
    "follow": ("client.follow", "take an account's trades from an exchange"),
    "demo": ("client.demo", "post a realistic stream of trades"),
    "seed": ("client.seed", "fill an empty ledger with a made-up past of some weeks"),
    "hook": ("commands.hook", "add, try and look after webhooks"),
    "instruments": ("commands.instruments", "check and list what symbols are"),
    "doctor": ("commands.doctor", "check the journal, whether the app runs or not"),
    "backup": ("commands.backup", "copy the journal and the webhooks, whether the app runs or not"),
    "restore": ("commands.restore", "put a copy in place of the journal; the app must be stopped"),
    "token": ("commands.token", "make an API token, and its entry"),
    "zmq-keys": ("commands.zmq_keys", "make keys for the ZeroMQ ports, or show the public one again"),
}
"""The module of each command, and its help. A module is imported when its command is given: all together take longer to
import than most commands to run.
"""

WITHOUT_SETTINGS = ("token", "zmq-keys")
"""The settings may refer to what these make."""


def main() -> int:
    """Run the command. Exit codes: 0 success or a clean shutdown, 1 failure, 2 an invalid setting or argument."""
    signals = EndSignals()  # before the slow imports below, so that a SIGTERM during them still ends cleanly
    arguments = _parser().parse_args()
    if arguments.command:
        signals.give_back()  # the commands rely on Python's default handling
    if arguments.command in WITHOUT_SETTINGS:
        return int(_module_of(arguments.command).run(arguments))

    from service_kit.settings import SettingError, load_environment, project_root
    from trading_app.environment import read_settings

    try:
        settings = read_settings(load_environment(os.environ, project_root()))
    except SettingError as error:
        print(f"trading-app: {error}", file=sys.stderr)
        return 2
    if arguments.command:
        return int(_module_of(arguments.command).run(arguments, settings))
    gc.disable()  # collections during the imports would find nothing and delay the start; serving enables it again

    import_without_rich("structlog")
    import uvloop

    from trading_app.server import run

    code = uvloop.run(run(settings, signals))
    signals.ignore()
    return code


def _module_of(command: str) -> Any:
    return importlib.import_module(f"trading_app.{COMMANDS[command][0]}")


def _parser() -> argparse.ArgumentParser:
    from importlib.metadata import version

    parser = argparse.ArgumentParser(
        prog="trading-app", description="Accepts trades, journals and publishes them. Without a command it serves."
    )
    parser.add_argument("--version", action="version", version=version("trading-app"))
    commands = parser.add_subparsers(
        dest="command",
        metavar="import | imports | send | export | event | follow | demo | seed | hook | instruments | doctor |"
        " backup | restore | token | zmq-keys",
    )
    given = sys.argv[1] if len(sys.argv) > 1 else ""
    for name, (_, help_text) in COMMANDS.items():
        command = commands.add_parser(name, help=help_text)
        if name == given:
            _module_of(name).add_arguments(command)
    return parser
