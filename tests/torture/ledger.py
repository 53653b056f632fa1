"""Random ledgers of all kinds of events, in any order of arrival: the sidecar's figures equal the oracle's.

`python -m tests.torture.ledger --ledgers 1000 --events 1000 --seed 1` folds them in this process, each once in memory
and once with restarts and the store of fills. The torture has a part `ledgers` that does the same, and a part
`ledger-kills` that sends one to the real programs.
"""

import argparse
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from tests.infra.prometheus import running_prometheus
from tests.support import ledger_figures, ledger_oracle
from tests.support.apps import Apps, running_apps
from tests.support.audit import journaled
from tests.support.http import HTTP
from tests.support.ledger_builder import Event
from tests.support.ledger_fold import fold_in_memory, fold_with_restarts
from tests.support.load import Bots, Scraper
from tests.support.polling import eventually
from tests.support.random_ledger import random_ledger
from tests.support.sidecar_figures import figures_of_apps
from tests.torture import prometheus
from tests.torture.figures import Figures

EVENTS_PER_KILL = 60
EVENTS_PER_LEDGER = 1_000
RATE = 20.0
"""Trades a second of the bots beside."""

TOTALS = tuple(f"trading_{name}_total" for of in ("trades", "volume", "notional") for name in (of, f"corrected_{of}"))


def compare(seed: int, events: int) -> list[str]:
    """What differs between the oracle and the fold of one random ledger."""
    ledger = random_ledger(seed, events)
    expected = ledger_oracle.figures(ledger)
    ways: dict[str, Callable[[Sequence[Event]], ledger_figures.Figures]] = {
        "in memory": fold_in_memory,
        "with restarts": partial(fold_with_restarts, seed=seed),
    }
    found = []
    for way, fold in ways.items():
        try:
            differing = ledger_figures.differences(expected, fold(ledger))
        except AssertionError as error:  # what it shows contradicts itself
            differing = [str(error)]
        found += [f"seed {seed}, {way}, {difference}" for difference in differing]
    return found


def campaign(ledgers: int, events: int, seed: int, jobs: int) -> list[str]:
    """What differs in many random ledgers, with `jobs` processes."""
    seeds = range(seed * 10**6, seed * 10**6 + ledgers)
    with ProcessPoolExecutor(jobs) as pool:
        results = pool.map(partial(compare, events=events), seeds)
        return [difference for found in results for difference in found]


def in_process(_folder: Path, seed: int, count: int) -> Figures:
    """Random ledgers of together that many events through the fold."""
    ledgers = max(count // EVENTS_PER_LEDGER, 1)
    found = campaign(ledgers, EVENTS_PER_LEDGER, seed, os.cpu_count() or 1)
    assert not found, found[:5]
    return Figures(
        f"{ledgers:,} random ledgers of {EVENTS_PER_LEDGER:,} events, in memory and with restarts",
        f"{len(found)} figures differ from the oracle's",
        {"ledgers": ledgers, "differences": len(found)},
    )


def through_processes(folder: Path, seed: int, count: int) -> Figures:
    """Send a random ledger to the real programs, beside bots, while both are killed; compare with the oracle of the
    journal. A real Prometheus scrapes meanwhile, where one is installed.
    """
    chance = random.Random(seed)
    with running_apps(folder) as apps, scraping(folder, apps) as resets:
        began = time.time()
        sender, kills = Sender(apps, chance), 0
        with Scraper(apps.sidecar_port) as scraper, Bots(apps.web_port, 2, seed, rate=RATE) as bots:
            for number, request in enumerate(sender.requests(random_ledger(seed, count)), 1):
                sender.send(*request)
                if number % EVENTS_PER_KILL == 0:
                    kills += 1
                    kill(apps, chance)
            bots.end()
            apps.wait_until_ready()
            events = list(journaled(apps.data))
            _assert_has(events, sender.accepted | {one.sequence for one in bots.acknowledged.values()})
            apps.wait_until_applied(len(events))
            eventually(lambda: not apps.state()["totals"]["recomputing"], what="all positions recomputed")
            found = ledger_figures.differences(ledger_oracle.figures(events), figures_of_apps(apps))
        assert not found, found[:5]
        assert not scraper.went_back, scraper.went_back[:5]
        assert resets(time.time() - began) == 0
    return Figures(
        f"{len(events):,} events of all kinds, {kills} kills of either or both",
        f"{len(found)} figures differ from the oracle's, {sender.refused} events refused, resets() = 0",
        {"events": len(events), "kills": kills, "differences": len(found), "refused": sender.refused},
    )


@contextmanager
def scraping(folder: Path, apps: Apps) -> Iterator[Callable[[float], float]]:
    """A Prometheus that scrapes; what it gives counts the resets of all totals in the last seconds."""
    if not prometheus.is_installed():
        yield lambda _seconds: 0.0
        return
    with running_prometheus(folder, prometheus.configuration(apps)) as server:
        yield lambda seconds: sum(
            prometheus.value(server, f"sum(resets({name}[{int(seconds) + 2}s]))") for name in TOTALS
        )


def kill(apps: Apps, chance: random.Random) -> None:
    """Kill −9 one of the programs or both, and start them again."""
    for name in chance.choice((("trading-app",), ("metrics-sidecar",), ("metrics-sidecar", "trading-app"))):
        apps.kill(name)
        apps.start(name)


def _assert_has(events: Sequence[Event], accepted: set[int]) -> None:
    """The journal has every event that was acknowledged, without holes."""
    sequences = [event["seq"] for event in events]
    assert sequences == list(range(1, len(events) + 1))
    assert accepted <= set(sequences)


class Sender:
    """Sends a ledger through the API until each event is accepted or refused. Some are sent twice."""

    def __init__(self, apps: Apps, chance: random.Random) -> None:
        self.accepted: set[int] = set()
        self.refused = 0
        self.sequences: dict[int, int] = {}
        """In the journal, by those of the ledger that is sent."""

        self._apps = apps
        self._chance = chance

    def requests(self, ledger: Sequence[Event]) -> Iterator[tuple[int, str, Event]]:
        """Each event that the API takes: its sequence in the ledger, the path, the body.

        Imports come from files only, so they are left out. So is what targets an event that was refused.
        """
        for event in ledger:
            if event.get("kind") == "import" or ("target" in event and event["target"] not in self.sequences):
                continue
            if "kind" not in event:
                yield event["seq"], "/trade", _without(event, "seq", "import_id")
                continue
            kind = event["kind"]
            content = event["mark" if kind == "price" else kind]
            if kind == "replace":
                content = _without(content["fill"], "trade_id", "import_id")
            body = {name: value for name, value in content.items() if name != "was" and value != ""}
            body |= {"kind": kind, "id": event["id"]}
            if "target" in event:
                body["target"] = self.sequences[event["target"]]
            if kind == "opening":
                body["after_trades"] = True
            yield event["seq"], "/events", body

    def send(self, sequence: int, path: str, body: Event) -> None:
        """Send one, through every outage; sometimes twice, which must change nothing."""
        answer = self._until_answered(path, body)
        if answer is None:
            self.refused += 1
            return
        self.sequences[sequence] = answer["seq"]
        self.accepted.add(answer["seq"])
        if self._chance.random() < 0.1:
            again = self._until_answered(path, body)
            assert again is not None
            assert (again["seq"], again["status"]) == (answer["seq"], "duplicate"), (body, answer, again)

    def _until_answered(self, path: str, body: Event) -> dict[str, Any] | None:
        """The answer of an accepted event, None for a refused one."""

        def attempt() -> httpx.Response | None:
            try:
                response = HTTP.post(f"{self._apps.web_url}{path}", json=body)
            except httpx.TransportError:
                return None
            return None if response.status_code in (429, 503) else response

        response = eventually(attempt, what=f"an answer to {body}")
        assert response is not None
        assert response.status_code in (200, 201, 409, 422), (body, response.text)
        answer: dict[str, Any] = response.json()
        return answer if response.is_success else None


def _without(content: Event, *names: str) -> Event:
    return {name: value for name, value in content.items() if name not in names}


def main() -> int:
    """Run a campaign. Exit code 1 if any figure differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.ledger", description=__doc__)
    parser.add_argument("--ledgers", type=int, default=1_000)
    parser.add_argument("--events", type=int, default=1_000, help="of each ledger")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    arguments = parser.parse_args()
    found = campaign(arguments.ledgers, arguments.events, arguments.seed, arguments.jobs)
    print("\n".join(found[:20]))
    print(f"ledger: {arguments.ledgers:,} ledgers of {arguments.events:,} events, {len(found)} differences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
