"""The command `metrics-sidecar`: serves without arguments; `doctor` checks its snapshot, `backfill` writes its past."""

import argparse
import os
import sys
from datetime import date
from pathlib import Path

from metrics_sidecar import __version__
from service_kit.lifecycle.signals import EndSignals
from service_kit.without_rich import import_without_rich

MIN_STEP, MAX_STEP = 5, 240
"""Seconds between two values of a backfill. Prometheus takes a series for ended five minutes after its last value."""


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
    if arguments.command == "backfill":
        from metrics_sidecar.backfill.command import Wanted, backfill
        from telemetry_stream.backend import store_of

        signals.give_back()
        wanted = Wanted(
            arguments.folder,
            arguments.step,
            arguments.since,
            arguments.job,
            arguments.instance or f"{settings.http_host}:{settings.http_port}",
            settings.max_positions,
            settings.base_currency,
        )
        return backfill(store_of(settings.stream_store), settings.data_folder, wanted)
    import_without_rich("structlog")
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
    commands = parser.add_subparsers(dest="command", metavar="doctor|backfill")
    doctor = commands.add_parser("doctor", help="check the snapshot; the sidecar may be running")
    doctor.add_argument("--repair", action="store_true", help="rename an unusable snapshot")
    backfill = commands.add_parser(
        "backfill",
        help="write the metrics since the journal began, for promtool; the sidecar may be running",
    )
    backfill.add_argument("folder", metavar="FOLDER", type=Path, help="a new folder; it gets one file for each day")
    backfill.add_argument(
        "--step", type=_step, default=60, metavar="SECONDS", help=f"between two values, {MIN_STEP} to {MAX_STEP}; 60"
    )
    backfill.add_argument(
        "--since", type=_date, metavar="YYYY-MM-DD", help="the first day, UTC; that of the first event"
    )
    backfill.add_argument("--job", default="metrics-sidecar", help="the label job as your Prometheus sets it")
    backfill.add_argument(
        "--instance", default="", metavar="HOST:PORT", help="its label instance; SIDECAR_HTTP_HOST:PORT"
    )
    return parser


def _step(written: str) -> int:
    if not (written.isascii() and written.isdigit() and MIN_STEP <= int(written) <= MAX_STEP):
        raise argparse.ArgumentTypeError(f"a whole number of seconds from {MIN_STEP} to {MAX_STEP} is needed")
    return int(written)


def _date(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{written!r}: a date such as 2026-01-31 is needed") from None
