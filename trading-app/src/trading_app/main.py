"""The command `trading-app`. Without arguments it serves.

`import`, `imports`, `send`, `export`, `event` and `demo` are clients of a running app. `doctor`, `backup` and `restore`
maintain its journal. `zmq-keys` makes keys for its ZeroMQ ports, `token` makes API tokens, `hook` looks after webhooks.
"""

import argparse
import gc
import importlib
import os
import sys

from service_kit.lifecycle.signals import EndSignals

CLIENTS = {name: name for name in ("send", "export", "event", "follow", "demo", "imports")} | {"import": "import_files"}
"""Commands that talk to a running app, each with its module of trading_app.client."""

COMMANDS = ("hook", "instruments")
"""Commands that are a module of trading_app.commands each."""


def main() -> int:
    """Run the command. Exit codes: 0 success or a clean shutdown, 1 failure, 2 an invalid setting or argument."""
    signals = EndSignals()  # before the slow imports below, so that a SIGTERM during them still ends cleanly
    arguments = _parser().parse_args()
    if arguments.command:
        signals.give_back()  # the commands rely on Python's default handling
    if arguments.command == "zmq-keys":
        from trading_app.commands import zmq_keys as key_command

        return key_command.run(arguments.file)  # before the settings are read: they may refer to keys not made yet
    if arguments.command == "token":
        from trading_app.commands import token as token_command

        return token_command.run(arguments)

    from service_kit.settings import SettingError, load_environment, project_root
    from trading_app.environment import read_settings

    try:
        settings = read_settings(load_environment(os.environ, project_root()))
    except SettingError as error:
        print(f"trading-app: {error}", file=sys.stderr)
        return 2
    if arguments.command in CLIENTS:
        return int(importlib.import_module(f"trading_app.client.{CLIENTS[arguments.command]}").run(arguments, settings))
    if arguments.command in COMMANDS:
        return int(importlib.import_module(f"trading_app.commands.{arguments.command}").run(arguments, settings))
    if arguments.command:
        from trading_app.commands import journal as journal_commands

        return journal_commands.run(arguments, settings)
    gc.disable()  # collections during the imports would find nothing and delay the start; serving enables it again

    import uvloop

    from trading_app.server import run

    code = uvloop.run(run(settings, signals))
    signals.ignore()
    return code


def _parser() -> argparse.ArgumentParser:
    from importlib.metadata import version

    parser = argparse.ArgumentParser(
        prog="trading-app", description="Accepts trades, journals and publishes them. Without a command it serves."
    )
    parser.add_argument("--version", action="version", version=version("trading-app"))
    commands = parser.add_subparsers(
        dest="command",
        metavar="import | imports | send | export | event | follow | demo | hook | instruments | doctor | backup |"
        " restore | token | zmq-keys",
    )
    if len(sys.argv) > 1:
        # Only if a command may be given: these imports would delay every start of the server.
        from trading_app.client import demo, event, export, follow, import_files, imports, send
        from trading_app.commands import hook as hook_command
        from trading_app.commands import instruments
        from trading_app.commands import journal as journal_commands
        from trading_app.commands import token as token_command
        from trading_app.commands import zmq_keys as key_command

        import_files.add_arguments(
            commands.add_parser("import", help="show what a trader's file would change, and take it")
        )
        imports.add_arguments(commands.add_parser("imports", help="list imports, and take one back"))
        send.add_arguments(commands.add_parser("send", help="post a file of trades"))
        export.add_arguments(commands.add_parser("export", help="write trades to a file that can be imported again"))
        event.add_arguments(commands.add_parser("event", help="post a correction, cash, or another event"))
        follow.add_arguments(commands.add_parser("follow", help="take an account's trades from an exchange"))
        demo.add_arguments(commands.add_parser("demo", help="post a realistic stream of trades"))
        hook_command.add_arguments(commands.add_parser("hook", help="add, try and look after webhooks"))
        instruments.add_arguments(commands.add_parser("instruments", help="check and list what symbols are"))
        journal_commands.add_commands(commands)
        key_command.add_command(commands)
        token_command.add_arguments(commands.add_parser("token", help="make an API token, and its entry"))
    return parser
