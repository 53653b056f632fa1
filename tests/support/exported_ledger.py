"""A ledger that leaves one app as an export and comes into another: how it is sent, and what its figures are."""

import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import httpx

from tests.support import ledger_oracle
from tests.support.ledger_builder import Event
from tests.support.ledger_figures import Count, Figures

JSON = {"Content-Type": "application/json"}


def lines(client: httpx.Client, **parameters: Any) -> list[Event]:
    """The trades of an app, or its events."""
    answer = client.get("/trades", params={"format": "ndjson", **parameters}).raise_for_status()
    return [json.loads(line) for line in answer.text.splitlines()]


def figures_of(client: httpx.Client) -> Figures:
    """The oracle's figures of all that is in an app's journal, with counters as they are right after corrections."""
    found = ledger_oracle.figures(lines(client, all_events="true"))
    right = {
        key: found.accepted.get(key, nothing) + found.added.get(key, nothing)
        for nothing in (Count(),)
        for key in {**found.accepted, **found.added}
    }
    for key, count in found.removed.items():
        right[key] = right[key] + Count(-count.trades, -count.volume, -count.notional)
    right = {key: count for key, count in right.items() if count.trades}
    return replace(found, accepted=right, removed={}, added={}, applied=0)


def is_event(line: str) -> bool:
    """Whether a line of an export is an event of another kind than a fill."""
    return line.startswith('{"kind":')


def send_on(exported: Sequence[str], client: httpx.Client) -> None:
    """Post the lines of an export in their order; those of one path that follow one another together."""
    for path, batch in itertools.groupby(exported, lambda line: "/events" if is_event(line) else "/trades"):
        client.post(path, content=f"[{','.join(batch)}]", headers=JSON).raise_for_status()
