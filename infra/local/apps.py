"""Run the apps in one terminal: `python -m infra.local.apps up | down | page`.

`up` starts the web app, the sidecar, unless ANALYTICS_ENABLED=no trading-analytics, and market-feed if FEED_SYMBOLS
names something. It shows their logs line by line and ends them together: on Ctrl-C, SIGTERM or `down` with exit code 0,
or with 1 as soon as one of them ends on its own.
With ENVIRONMENT=development it restarts them when their source changes; an app that doesn't come up after such a
restart is not tried again before the next change.
"""

import argparse
import asyncio
import os
import signal
import sys
import webbrowser
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

import watchfiles
from dotenv import dotenv_values

from infra.local.addresses import Address, http_address, refusals, stream_addresses
from infra.local.running_app import GRACE, ROOT, App, RunningApp, Say, describe, speaker
from infra.local.single_run import AlreadyRuns, end_holder, single_run
from service_kit.log_settings import read_log_settings
from service_kit.settings import SettingError, load_environment

RUN_FILE = ROOT / ".run" / "apps.pid"
NEXT_STEP = (
    "ready: open {page} and send trades (docs/sending.md); `make demo` shows made-up ones apart; Ctrl-C here ends them"
)
SOURCES = sorted([*ROOT.glob("*/src"), *ROOT.glob("libs/*/src")])


@dataclass(frozen=True)
class Plan:
    """What the settings ask for. Read again for each start, so that a restart follows a changed `.env`."""

    apps: tuple[App, ...]
    """The web app comes first."""

    stream: list[Address]
    reload: bool
    variables: dict[str, str]
    say: Say
    next_step: str
    """What is said once all apps answer; `{page}` stands for the page's URL."""

    @property
    def page(self) -> str:
        """The page's URL."""
        return f"{self.apps[0].address.url}/"


def read_plan(process: Mapping[str, str] = os.environ, command: str = "apps-up", next_step: str = NEXT_STEP) -> Plan:
    """What the environment `process` and `.env` ask for. Raises SettingError for a value that doesn't fit."""
    defaults = {key: value or "" for key, value in dotenv_values(ROOT / ".env.sample").items()}
    environment = load_environment(process, ROOT)
    webapp = App("trading-app", "web app", 36, http_address(environment, "WEBAPP", defaults), "/  API: /docs")
    sidecar = App("metrics-sidecar", "sidecar", 35, http_address(environment, "SIDECAR", defaults), "/metrics")
    apps = [webapp, sidecar]
    if environment.choice("ANALYTICS_ENABLED", defaults["ANALYTICS_ENABLED"], ("yes", "no")) == "yes":
        address = http_address(environment, "ANALYTICS", defaults)
        apps.append(App("trading-analytics", "analytics", 34, address, "/metrics"))
    streams = stream_addresses(environment, defaults, "WEBAPP")
    if environment.words("FEED_SYMBOLS"):
        apps.append(App("market-feed", "feed", 33, http_address(environment, "FEED", defaults), "/metrics"))
        streams += stream_addresses(environment, defaults, "FEED")
    variables = {**process, "PYTHONUNBUFFERED": "1"}
    if sys.stdout.isatty() and read_log_settings(environment).form == "auto":
        variables["LOG_FORMAT"] = "console"
    mode = environment.choice("ENVIRONMENT", defaults["ENVIRONMENT"], ("development", "production"))
    return Plan(tuple(apps), streams, mode == "development", variables, speaker(command), next_step)


async def run_once(plan: Plan, *interruptions: asyncio.Event) -> tuple[RunningApp | None, bool]:
    """Run the apps until one ends on its own or there is an interruption, then end the others.

    Returns the app that ended on its own, and whether all ended well.
    """
    running: list[RunningApp] = []
    try:
        for app in plan.apps:
            running.append(await RunningApp.start(app, plan.variables, plan.say))  # noqa: PERF401 -- those started are ended if a later one fails
        next_step = asyncio.create_task(say_next_step(plan, running))
        await first_of(*(app.ended() for app in running), *(event.wait() for event in interruptions))
        ended = next((app for app in running if app.exited.done()), None)
        if ended:
            plan.say(f"{ended.app.name} ended unexpectedly with {describe(ended.exited.result())}; ending the others")
        next_step.cancel()
    finally:
        well = all(await asyncio.gather(*(app.stop() for app in running)))
    return ended, well


async def say_next_step(plan: Plan, running: list[RunningApp]) -> None:
    """Once all apps answer, say where the page is and how trades come in."""
    await asyncio.gather(*(app.announced() for app in running))
    plan.say(plan.next_step.format(page=plan.page))


async def first_of(*happenings: Coroutine[Any, Any, object]) -> None:
    """Wait for the first of these, and for no other any longer."""
    tasks = [asyncio.create_task(happening) for happening in happenings]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


async def watch_sources(changed: asyncio.Event, say: Say) -> None:
    """Set `changed` whenever a file of the apps' source does."""
    try:
        async for _ in watchfiles.awatch(*SOURCES):
            changed.set()
    except OSError as error:  # the system's limit of watched files, most often
        say(f"the source can't be watched, so changes need a restart by hand: {error}")


async def keep_running(plan: Plan) -> int:
    """Run the apps until a signal ends them; returns the exit code. Raises what run_and_restart does."""
    stop, changed = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    if not plan.reload:
        return await run_and_restart(plan, stop, changed)
    watch = asyncio.create_task(watch_sources(changed, plan.say))
    try:
        return await run_and_restart(plan, stop, changed)
    finally:
        watch.cancel()


async def run_and_restart(plan: Plan, stop: asyncio.Event, changed: asyncio.Event) -> int:
    """Run the apps until `stop`, restarting them whenever `changed`; returns the exit code.

    Raises SettingError when the settings have become unusable at a restart.
    """
    restarted = False
    while True:
        changed.clear()
        ended, well = await run_once(plan, stop, changed)
        if ended and restarted and not ended.healthy:
            plan.say(f"{ended.app.name} does not start since the change; waiting for the next one, Ctrl-C ends")
            await first_of(stop.wait(), changed.wait())
        elif ended:
            return 1
        if stop.is_set():
            return 0 if well else 1
        plan.say("the source has changed: restarting the apps")
        restarted = True
        plan = read_plan()


def up() -> int:
    plan = read_plan()
    try:
        with single_run(RUN_FILE, plan.page):
            refused = refusals([*(app.address for app in plan.apps), *plan.stream])
            for address, reason in refused:
                place = "the process environment" if any(name in os.environ for name in address.settings) else ".env"
                complain(f"{address} {reason}: change {' or '.join(address.settings)} in {place}")
            return 1 if refused else asyncio.run(keep_running(plan))
    except AlreadyRuns as error:
        complain(f"the apps run already: {error.place} (process {error.process}); `make apps-down` ends them")
        return 1


def down() -> int:
    try:
        process = end_holder(RUN_FILE, patience=GRACE + 5.0)
    except TimeoutError as error:
        complain(str(error))
        return 1
    print(f"apps-down: the apps are down (process {process})" if process else "apps-down: nothing runs")
    return 0


def open_page() -> int:
    url = read_plan().page
    print(f"The page: {url} (while `make apps-up` runs)")
    if not webbrowser.open(url):
        print("No browser was found here; open that address in one.")
    return 0


def complain(message: str) -> None:
    print(f"apps-{sys.argv[1]}: {message}", file=sys.stderr)


def main() -> int:
    commands = {"up": up, "down": down, "page": open_page}
    parser = argparse.ArgumentParser(description="Run the apps together.")
    parser.add_argument("command", choices=commands)
    try:
        return commands[parser.parse_args().command]()
    except SettingError as error:
        complain(str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main())
