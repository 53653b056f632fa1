"""freqtrade itself trades in dry-run and posts to the running apps, in all three formats: the figures are its own.

By hand, since freqtrade is none of this project's packages: put it into an environment of its own and name its Python,
`FREQTRADE_PYTHON=/tmp/freqtrade/bin/python .venv/bin/python -m pytest tests/third_party`.
"""

import json
import os
import subprocess
from collections import defaultdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.support.apps import running_apps
from tests.support.sidecar_figures import figures_of_apps
from tests.trading_app.hooks.conftest import Hooks

PYTHON = os.environ.get("FREQTRADE_PYTHON", "")
FORMS = ("json", "form", "raw")
CLOSE = Fraction(1, 10**7)
"""freqtrade rounds its profits to 8 decimals."""

pytestmark = pytest.mark.skipif(not PYTHON, reason="FREQTRADE_PYTHON names no environment with freqtrade")


def trades_of_the_bot(urls: list[str]) -> list[dict[str, Any]]:
    script = Path(__file__).with_name("freqtrade_bot.py")
    done = subprocess.run([PYTHON, script, *urls], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    trades: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return trades


def test_its_figures_are_the_sidecars_in_each_format(tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    for form in FORMS:
        hooks.add(form, "preset: freqtrade", f"account: {form}")
    with running_apps(tmp_path, WEBAPP_HOOKS_FILE=str(hooks.file)) as apps:
        trades = trades_of_the_bot([apps.web_url + hooks.path(form) for form in FORMS])
        orders = sum(trade["orders"] for trade in trades)
        apps.wait_until_applied(orders * len(FORMS))
        assert apps.state()["applied"] == orders * len(FORMS)
        figures = figures_of_apps(apps)
        samples = apps.web_samples()
    realised, amounts = defaultdict[str, Fraction](Fraction), defaultdict[str, Fraction](Fraction)
    for trade in trades:
        realised[trade["pair"]] += Fraction(str(trade["realized"]))
        amounts[trade["pair"]] += Fraction(str(trade["amount"])) * (-1 if trade["is_short"] else 1)
    for form in FORMS:
        positions = {key.symbol: one for key, one in figures.positions.items() if key.account == form}
        assert positions.keys() == realised.keys()
        for pair, position in positions.items():
            assert position.quantity == amounts[pair]
            assert abs(position.realised - realised[pair]) < CLOSE * 10
            print(f"{form:5} {pair:15} quantity {float(position.quantity):.8f} realised {float(position.realised):.8f}")
        counted = {
            outcome: float(samples[f'trading_app_hook_messages_total{{hook="{form}",outcome="{outcome}"}}'])
            for outcome in ("accepted", "known", "unread")
        }
        assert counted == {"accepted": orders, "known": 0, "unread": 0}
    for trade in trades:
        if trade["is_open"]:
            position = next(
                one for key, one in figures.positions.items() if (key.account, key.symbol) == ("json", trade["pair"])
            )
            assert position.average is not None
            assert abs(position.average - Fraction(str(trade["open_rate"]))) < CLOSE
