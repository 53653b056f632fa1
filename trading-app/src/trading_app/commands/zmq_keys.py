"""`trading-app zmq-keys`: makes the CURVE keys by which the web app and its subscribers authenticate each other."""

import argparse
import sys
from contextlib import suppress
from pathlib import Path

from telemetry_stream.backend import make_key_file, public_key_of
from telemetry_stream.errors import UnusableKey


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's argument."""
    parser.add_argument("file", metavar="FILE", type=Path, help="the file of the secret key; created if missing")


def run(arguments: argparse.Namespace) -> int:
    """Make a key pair unless the file exists, and print the public key with the settings.

    Returns the exit code: 1 if the file can't be written or read.
    """
    file: Path = arguments.file
    try:
        with suppress(FileExistsError):
            make_key_file(file)
        public = public_key_of(file).decode()
    except (OSError, UnusableKey) as error:
        print(f"trading-app zmq-keys: {error}", file=sys.stderr)
        return 1
    where = file.resolve()
    print(f"The secret key is in {where}, readable by its owner only. The public key:\n")
    print(f"    {public}\n")
    print("For a web app:")
    print(f"    WEBAPP_ZMQ_SECRET_KEY_FILE={where}")
    print(f"    SIDECAR_ZMQ_SERVER_KEY='{public}'   at each subscriber")
    print("For a subscriber:")
    print(f"    SIDECAR_ZMQ_SECRET_KEY_FILE={where}")
    print(f"    WEBAPP_ZMQ_CLIENT_KEYS='{public}'   at the web app; several are separated by commas")
    return 0
