"""What the app has of an account."""

import json
from typing import Any

from tests.support.apps import Apps
from tests.support.http import HTTP


def trades_of(app: Apps, account: str) -> list[dict[str, Any]]:
    """The trades of an account as the app has them, in order of acceptance."""
    answer = HTTP.get(
        f"{app.web_url}/trades", params={"account": account}, headers={"Accept": "application/x-ndjson"}, timeout=60
    )
    return [json.loads(line) for line in answer.raise_for_status().text.splitlines()]


def ids_of(app: Apps, account: str) -> list[str]:
    """Their trade ids."""
    return [trade["trade_id"] for trade in trades_of(app, account)]


def cash_of(app: Apps, account: str) -> list[dict[str, Any]]:
    """The cash events of an account."""
    answer = HTTP.get(f"{app.web_url}/events", params={"kind": "cash", "limit": "1000"}, timeout=60)
    events = answer.raise_for_status().json()["events"]
    return [event for event in events if event["cash"]["account"] == account]
