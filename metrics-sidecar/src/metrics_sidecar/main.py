"""The command `metrics-sidecar`: serves without arguments; `doctor` checks its snapshot."""

import argparse
import os
import sys

from metrics_sidecar import __version__
from service_kit.lifecycle.signals import EndSignals


def main() -> int:
    """Run the command. Exit codes: 0 ended as asked, 1 failed, 2 a setting or an argument is invalid."""
    signals = EndSignals()  # first: the imports below take a third of a second, during which a signal may arrive
    arguments = _parser().parse_args()

    from metrics_sidecar.environment import read_settings
    from service_kit.settings import SettingError, load_environment, project_root

    try:
        settings = read_settings(load_environment(os.environ, project_root()))
    except SettingError as error:
        print(f"metrics-sidecar: {error}", file=sys.stderr)
        return 2
    if arguments.command == "doctor":
        from metrics_sidecar import doctor
        from telemetry_stream.backend import store_of

        signals.give_back()
        return doctor.examine(store_of(settings.stream_store), settings.data_folder, repair=arguments.repair)
    import uvloop

    from metrics_sidecar.run import run

    code = uvloop.run(run(settings, signals))
    signals.ignore()
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="metrics-sidecar",
        description="Follows the trade stream, keeps positions and P&L, and serves them to Prometheus at /metrics. "
        "Settings come from the environment and .env; .env.sample lists them.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", metavar="doctor")
    doctor = commands.add_parser("doctor", help="check the snapshot; the sidecar may be running")
    doctor.add_argument("--repair", action="store_true", help="rename an unusable snapshot")
    return parser
