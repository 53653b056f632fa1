"""`.env.sample` lists every setting that the code reads, with the default that holds without it."""

import re
from itertools import pairwise
from pathlib import Path

from dotenv import dotenv_values

import metrics_sidecar.environment
import trading_app.environment
from service_kit.settings import Environment

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = {key: value or "" for key, value in dotenv_values(ROOT / ".env.sample").items()}


def test_every_setting_that_is_read_is_listed() -> None:
    read: set[str] = set()
    for source in [*ROOT.glob("*/src/**/*.py"), *ROOT.glob("infra/**/*.py")]:
        read |= set(re.findall(r'environment\.\w+\(\s*"([A-Z][A-Z_]+)"', source.read_text()))
    assert read
    assert sorted(read - SAMPLE.keys()) == []


def test_every_setting_has_a_comment() -> None:
    lines = (ROOT / ".env.sample").read_text().splitlines()
    without = [line for above, line in pairwise(lines) if "=" in line and line[0] != "#" and not above.startswith("# ")]
    assert without == []


def test_the_listed_values_are_the_defaults() -> None:
    listed, unset = Environment(SAMPLE, ROOT), Environment({}, ROOT)
    assert trading_app.environment.read_settings(listed) == trading_app.environment.read_settings(unset)
    assert metrics_sidecar.environment.read_settings(listed) == metrics_sidecar.environment.read_settings(unset)
