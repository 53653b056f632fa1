"""Runs the commands in this process, as the console script would."""

import argparse
from dataclasses import dataclass

from trading_app.client import demo, seed, send


@dataclass(frozen=True)
class Settings:
    """The settings the clients look at."""

    http_host: str = "127.0.0.1"
    http_port: int = 8000
    sidecar_url: str = "http://127.0.0.1:8001"


def run_send(*arguments: object) -> int:
    """`trading-app send …`; the exit code."""
    parser = argparse.ArgumentParser()
    send.add_arguments(parser)
    return send.run(parser.parse_args([str(argument) for argument in arguments]), Settings())


def run_demo(*arguments: object) -> int:
    """`trading-app demo …`; the exit code."""
    parser = argparse.ArgumentParser()
    demo.add_arguments(parser)
    return demo.run(parser.parse_args([str(argument) for argument in arguments]), Settings())


def run_seed(*arguments: object) -> int:
    """`trading-app seed …`; the exit code."""
    parser = argparse.ArgumentParser()
    seed.add_arguments(parser)
    return seed.run(parser.parse_args([str(argument) for argument in arguments]), Settings())
