"""The command `trading-app`: serves without arguments; `send` and `demo` are clients of a running app; `doctor`,
`backup` and `restore` look after its journal; `zmq-keys` makes keys for its ZeroMQ ports, `token` makes API tokens.
"""

import argparse
import gc
import os
import sys

from service_kit.lifecycle.signals import EndSignals


def main() -> int:
    """Run the command. Exit codes: 0 ended as asked, 1 failed, 2 a setting or an argument is wrong."""
    signals = EndSignals()  # what is imported below takes a while
    arguments = _parser().parse_args()
    if arguments.command:
        signals.give_back()  # the commands run to their own end
    if arguments.command == "zmq-keys":
        from trading_app.commands import zmq_keys as key_command

        return key_command.run(arguments.file)  # without the settings: they may ask for the keys to be made
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
    if arguments.command == "send":
        from trading_app.client import send

        return send.run(arguments, settings)
    if arguments.command == "demo":
        from trading_app.client import demo

        return demo.run(arguments, settings)
    if arguments.command:
        from trading_app.commands import journal as journal_commands

        return journal_commands.run(arguments, settings)
    gc.disable()  # while so much is loaded it would look again and again, and find nothing

    import uvloop

    from trading_app.server import run

    code = uvloop.run(run(settings, signals))
    signals.ignore()
    return code


def _parser() -> argparse.ArgumentParser:
    from importlib.metadata import version

    parser = argparse.ArgumentParser(
        prog="trading-app", description="Takes trades in, journals and publishes them. Without a command it serves."
    )
    parser.add_argument("--version", action="version", version=version("trading-app"))
    commands = parser.add_subparsers(
        dest="command", metavar="send | demo | doctor | backup | restore | token | zmq-keys"
    )
    if len(sys.argv) > 1:
        # Only where they may be asked for: what they import would make every start of the server slower.
        from trading_app.client import demo, send
        from trading_app.commands import journal as journal_commands
        from trading_app.commands import token as token_command
        from trading_app.commands import zmq_keys as key_command

        send.add_arguments(commands.add_parser("send", help="post a file of trades"))
        demo.add_arguments(commands.add_parser("demo", help="post a believable stream of trades"))
        journal_commands.add_commands(commands)
        key_command.add_command(commands)
        token_command.add_arguments(commands.add_parser("token", help="make an API token, and its entry"))
    return parser
