"""A whole program of the service kit: health, metrics, access control, guarded connections, a clean start and end."""

import sys

from service_kit.lifecycle.signals import EndSignals

if __name__ == "__main__":
    signals = EndSignals()  # before anything that takes time

import asyncio
import os
from pathlib import Path

import uvloop

from service_kit.access.gate import Gate
from service_kit.access.tokens import read_entries
from service_kit.clock import SYSTEM_CLOCK
from service_kit.connection.context import ConnectionContext
from service_kit.connection.counters import ConnectionCounters
from service_kit.connection.guarded_http import guarded_connection
from service_kit.connection.limits import ConnectionLimits
from service_kit.http_app import HttpApp, metrics_handler
from service_kit.lifecycle.descriptors import make_room_for_connections
from service_kit.lifecycle.ending import Ending
from service_kit.lifecycle.serve import Address, Serving, serve
from service_kit.log_settings import LogSettings, read_log_settings
from service_kit.logs import configure_logs
from service_kit.metrics.catalogue import Metric
from service_kit.metrics.text import Family
from service_kit.problems import COMMON_TYPES, Problem
from service_kit.settings import Environment, SettingError, load_environment

VERSION = "1.0.0"
COUNT = Metric("counting_total", "counter", "steps", (), "Steps counted.", "It stands still: the program hangs.")


class Counting:
    """Counts twenty times a second; ready after the first step, failed after `fail_after` of them."""

    def __init__(self, environment: Environment) -> None:
        """Raises SettingError."""
        self.address = Address("127.0.0.1", environment.port("COUNTING_HTTP_PORT", 8009), "COUNTING")
        self.tokens = read_entries(environment, "COUNTING_API_TOKENS")
        self.logs: LogSettings = read_log_settings(environment)
        self.fail_after = environment.integer("COUNTING_FAIL_AFTER", 10**9, minimum=1, maximum=10**9)
        self.count = 0

    def start(self, ending: Ending) -> Serving:
        """Put it together."""
        limits = ConnectionLimits("COUNTING", make_room_for_connections(100, "COUNTING"))
        connections = ConnectionContext.of(limits, ConnectionCounters(COMMON_TYPES))
        gate = Gate("counting", "COUNTING_API_TOKENS", self.tokens, SYSTEM_CLOCK)
        routes = {"/metrics": metrics_handler(lambda: [Family(COUNT, [("", self.count)])])}
        app = HttpApp(routes, gate, connections, self.require_ready)
        return Serving(app, guarded_connection(connections), {"count": ending.cancels(self.run())})

    async def run(self) -> None:
        """Count."""
        while self.count < self.fail_after:
            await asyncio.sleep(0.05)
            self.count += 1
        raise RuntimeError("counted enough")

    def require_ready(self) -> None:
        """Raises Problem before the first step."""
        if not self.count:
            raise Problem("internal_error", "nothing is counted yet", retry_after=1)


def main() -> int:
    """Run it. Exit codes: 0 ended as asked, 1 failed, 2 a setting is wrong."""
    if "--version" in sys.argv:
        print(VERSION)
        return 0
    try:
        program = Counting(load_environment(os.environ, Path.cwd()))
    except SettingError as error:
        print(f"counting: {error}", file=sys.stderr)
        return 2
    configure_logs(program.logs, "counting")
    code = uvloop.run(serve(program.address, program.start, signals))
    signals.ignore()
    return code


if __name__ == "__main__":
    sys.exit(main())
