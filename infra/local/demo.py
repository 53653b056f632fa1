"""A demonstration apart from everything else: `python -m infra.local.demo`, with a ledger and ports of its own.

It starts a simulated exchange and the apps, market-feed among them, sends trades of bots that trade at the prices of
that market, and ends them all on Ctrl-C. No setting of `.env` or of the process reaches it, so its trades can't get
into a real ledger.
"""

import argparse
import asyncio
import os
import shutil
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import httpx
from dotenv import dotenv_values

from infra.local.addresses import Address, refusals
from infra.local.apps import Plan, keep_running, read_plan
from infra.local.running_app import HEALTH_PAUSE, ROOT, App, end_with_parent, show_log
from infra.local.single_run import AlreadyRuns, single_run
from infra.monitoring.files import DEMO_PORT, write_demo_targets
from service_kit.settings import SettingError, read_file

STREAM_PORT = 5655
SYMBOLS = "BTC-USDT,ETH-USDT,SOL-USDT,BNB-USDT"
MARKET_RATE = 60
"""Trades a second of the simulated market."""

EXCHANGE = 4
"""Port of the simulated exchange, behind those of the four apps: web app, sidecar, analytics, feed."""

FOLDER = Path(__file__).resolve().parent
KEPT = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TERM", "NO_COLOR", "TMPDIR")
"""Variables of the process that say nothing about an app."""


def environment(process: Mapping[str, str], root: Path, folder: Path, port: int, stream_port: int) -> dict[str, str]:
    """The settings of the demonstration. Every other setting is empty, which hides it in `root/.env`.

    Raises SettingError if a line of that file can't be read: no app would start.
    """
    settings = [*dotenv_values(root / ".env.sample"), *read_file(root / ".env")]
    return {
        **{name: process[name] for name in KEPT if name in process},
        **dict.fromkeys(settings, ""),
        "ENVIRONMENT": "production",
        "DATA_DIR": str(folder),
        "WEBAPP_HTTP_PORT": str(port),
        "SIDECAR_HTTP_PORT": str(port + 1),
        "ANALYTICS_HTTP_PORT": str(port + 2),
        "WEBAPP_ZMQ_ADDR": f"tcp://127.0.0.1:{stream_port}",
        "WEBAPP_REPLAY_ADDR": f"tcp://127.0.0.1:{stream_port + 1}",
        "WEBAPP_INSTRUMENTS_FILE": str(FOLDER / "demo_instruments.yml"),
        "FEED_SYMBOLS": SYMBOLS,
        "FEED_KINDS": "trade,candle",
        "FEED_SCHEDULE_FILE": str(FOLDER / "demo_schedule.yml"),
        "FEED_BINANCE_STREAM_URL": f"ws://127.0.0.1:{port + EXCHANGE}",
        "FEED_BINANCE_REST_URL": f"http://127.0.0.1:{port + EXCHANGE}",
        "FEED_HTTP_PORT": str(port + 3),
        "FEED_ZMQ_ADDR": f"tcp://127.0.0.1:{stream_port + 2}",
        "FEED_REPLAY_ADDR": f"tcp://127.0.0.1:{stream_port + 3}",
    }


async def run(plan: Plan, exchange: Address, arguments: Sequence[str]) -> int:
    """Run the apps until a signal, and the exchange and the sender of trades beside them; the exit code."""
    beside = [asyncio.create_task(simulate(plan, exchange)), asyncio.create_task(send(plan, arguments))]
    try:
        return await keep_running(plan)
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)


async def simulate(plan: Plan, exchange: Address) -> None:
    """Run the simulated exchange."""
    shown = App("market-feed", "exchange", 31, exchange, "")
    command = ["simulate", "--port", str(exchange.port), "--rate", str(MARKET_RATE)]
    if await _run_beside(plan, shown, command) != 0:
        plan.say("the simulated exchange has ended: the market stands still")


async def send(plan: Plan, arguments: Sequence[str]) -> None:
    """Send trades once the web app takes them, and say when all are sent."""
    webapp = plan.apps[0].address
    await _ready(webapp.url)
    market = (plan.variables["FEED_ZMQ_ADDR"], plan.variables["FEED_REPLAY_ADDR"])
    shown = App("trading-app", "trades", 32, webapp, "")
    if await _run_beside(plan, shown, ["demo", "--url", webapp.url, "--market", *market, *arguments]) == 0:
        plan.say(f"all trades are sent; {plan.page} shows them until Ctrl-C")


async def _run_beside(plan: Plan, app: App, arguments: Sequence[str]) -> int:
    """Run a command of an app and show what it says, until it ends; its exit code. It ends with this task."""
    process = await asyncio.create_subprocess_exec(
        ROOT / ".venv" / "bin" / app.name, *arguments, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, env=plan.variables,
        process_group=0, preexec_fn=end_with_parent if sys.platform == "linux" else None,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        await show_log(app, process.stdout)
        return await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _ready(url: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        while True:
            with suppress(httpx.TransportError):
                if (await client.get(f"{url}/readyz")).is_success:
                    return
            await asyncio.sleep(HEALTH_PAUSE)


def main() -> int:
    """The command. Exit codes as those of apps-up: 0 ended by a signal, 1 it could not start, or an app failed."""
    parser = argparse.ArgumentParser(prog="demo", description="Show a made-up market, apart from the real ledger.")
    add = parser.add_argument
    add("--rate", default="20", help="trades a second")
    add("--seconds", default="0", help="how long trades come (default: until Ctrl-C)")
    add(
        "--port", type=int, default=DEMO_PORT, help="of the web app; the other apps and the exchange have the next four"
    )
    add("--stream-port", type=int, default=STREAM_PORT, help="of the ledger's stream; the others have the next three")
    add("--data", type=Path, default=ROOT / "data" / "demo", metavar="FOLDER", help="its ledger (default: data/demo)")
    given = parser.parse_args()
    folder: Path = given.data.resolve()
    next_step = f"ready: open {{page}}; its ledger is {folder}, apart from yours; Ctrl-C here ends the demonstration"
    try:
        settings = environment(os.environ, ROOT, folder, given.port, given.stream_port)
    except SettingError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    plan = read_plan(settings, "demo", next_step)
    exchange = Address((), "127.0.0.1", given.port + EXCHANGE)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with single_run(folder / "demo.pid", plan.page):
            refused = refusals([*(app.address for app in plan.apps), exchange, *plan.stream])
            for address, reason in refused:
                print(f"demo: {address} {reason}: choose others with PORT= and STREAM_PORT=", file=sys.stderr)
            if refused:
                return 1
            write_demo_targets(ROOT / ".run", given.port)
            # Of another exchange: each one begins with its own first trade.
            shutil.rmtree(folder / "market-data", ignore_errors=True)
            return asyncio.run(run(plan, exchange, ["--rate", given.rate, "--seconds", given.seconds]))
    except AlreadyRuns as error:
        print(f"demo: it runs already: {error.place} (process {error.process})", file=sys.stderr)
        return 1
    finally:
        write_demo_targets(ROOT / ".run", None)


if __name__ == "__main__":
    sys.exit(main())
