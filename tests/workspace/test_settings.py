"""`.env.sample` lists every setting that the code reads, with the default that holds without it."""

import re
from itertools import pairwise
from pathlib import Path

from dotenv import dotenv_values

import market_feed.environment
import metrics_sidecar.environment
import trading_analytics.environment
import trading_app.environment
from service_kit.settings import Environment

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = {key: value or "" for key, value in dotenv_values(ROOT / ".env.sample").items()}


SOURCES = [*ROOT.glob("*/src/**/*.py"), *ROOT.glob("libs/*/src/**/*.py"), *ROOT.glob("infra/**/*.py")]


def test_every_setting_that_is_read_is_listed() -> None:
    read: set[str] = set()
    for source in SOURCES:
        read |= set(re.findall(r'environment\.\w+\(\s*"([A-Z][A-Z_]+)"', source.read_text()))
    assert "MONITORING_TOKEN" in read
    assert sorted(read - SAMPLE.keys()) == []


def test_every_listed_setting_is_read_and_every_other_name_is_unknown() -> None:
    text = "".join(source.read_text() for source in SOURCES)
    assert [name for name in SAMPLE if not re.search(rf'"{name}"', text)] == []
    assert Environment(SAMPLE, ROOT).unknown_names() == {}
    misspelt = Environment(SAMPLE | {"WEBAPP_HTTP_PROT": "1"}, ROOT)
    assert misspelt.unknown_names() == {"WEBAPP_HTTP_PROT": "WEBAPP_HTTP_PORT"}


def test_every_setting_has_a_comment() -> None:
    lines = (ROOT / ".env.sample").read_text().splitlines()
    without = [line for above, line in pairwise(lines) if "=" in line and line[0] != "#" and not above.startswith("# ")]
    assert without == []


def test_the_listed_values_are_the_defaults() -> None:
    listed, unset = Environment(SAMPLE, ROOT), Environment({}, ROOT)
    assert trading_app.environment.read_settings(listed) == trading_app.environment.read_settings(unset)
    assert metrics_sidecar.environment.read_settings(listed) == metrics_sidecar.environment.read_settings(unset)
    assert trading_analytics.environment.read_settings(listed) == trading_analytics.environment.read_settings(unset)
    assert market_feed.environment.read_settings(listed) == market_feed.environment.read_settings(unset)
