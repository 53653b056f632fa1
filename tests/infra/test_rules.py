"""Prometheus' own tools on its configuration and rules."""

import os
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from infra.monitoring.files import DEMO_JOBS, write_targets
from infra.monitoring.plan import read_plan
from service_kit.settings import Environment
from tests.infra.checkout import Checkout
from tests.infra.prometheus import needs_prometheus
from tests.infra.queries import ROOT, RULES, metrics_named

PROMETHEUS = ROOT / "infra" / "prometheus"
ALERTS = [rule for rule in RULES if "alert" in rule]
MADE_BY_PROMETHEUS = {"ALERTS"}
"""A series for each alert that is pending or fires."""


@cache
def stories(name: str) -> list[dict[str, Any]]:
    """The tests of one file of promtool's, parsed once: that takes a second."""
    return list(YAML(typ="safe").load(PROMETHEUS / "tests" / name)["tests"])


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    # With few garbage collections, which are a fifth of the CPU time by default.
    environment = os.environ | {"GOGC": "800"}
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False, env=environment)


@needs_prometheus
@pytest.mark.parametrize("tokens", ["", "the-first-of-two-tokens,the-second-of-two-tokens"])
def test_the_configuration_with_its_generated_files_is_valid(tmp_path: Path, tokens: str) -> None:
    copy = Checkout(tmp_path)
    write_targets(read_plan(Environment({"WEBAPP_API_TOKENS": tokens}, copy.folder), copy.folder))
    done = promtool("check", "config", "--lint-fatal", copy.folder / "infra" / "prometheus" / "prometheus.yml")
    assert done.returncode == 0, done.stderr


@needs_prometheus
def test_the_rules_are_valid() -> None:
    done = promtool("check", "rules", "--lint-fatal", *sorted((PROMETHEUS / "rules").glob("*.yml")))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
@needs_prometheus
@pytest.mark.parametrize("name", sorted(path.name for path in (PROMETHEUS / "tests").glob("*.yml")))
def test_the_rules_do_what_they_should(name: str) -> None:
    done = promtool("test", "rules", PROMETHEUS / "tests" / name)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_rule_has_a_test_of_its_own() -> None:
    tests = "".join(path.read_text() for path in (PROMETHEUS / "tests").glob("*.yml"))
    derived = {rule["record"] for rule in RULES if "record" in rule and f"expr: {rule['record']}" not in tests}
    others = "".join(rule["expr"] for rule in RULES)
    assert [name for name in derived if name not in others] == []  # tested through the rule that reads it


def firing(samples: list[dict[str, str]]) -> set[str]:
    """The alerts that a test expects."""
    return set(re.findall(r'alertname="(\w+)"', " ".join(sample["labels"] for sample in samples)))


@pytest.mark.parametrize("alert", [rule["alert"] for rule in ALERTS])
def test_an_alert_is_tested_before_while_and_after_it_fires(alert: str) -> None:
    """In one story: not there, then there, and in the end not there, with nothing else said at each time."""
    seen = [
        [alert in firing(expected["exp_samples"]) for expected in story.get("promql_expr_test", [])]
        for path in sorted((PROMETHEUS / "tests").glob("*.yml"))
        for story in stories(path.name)
    ]
    assert any(True in times and not times[0] and not times[-1] for times in seen)


@pytest.mark.parametrize(
    "metric", sorted(set().union(*(metrics_named(rule["expr"]) for rule in ALERTS)) - MADE_BY_PROMETHEUS)
)
def test_the_system_that_is_well_has_every_metric_that_an_alert_reads(metric: str) -> None:
    """So that no alert is silent there for want of its metric."""
    (well, *_) = stories("rules.test.yml")
    assert metric in {rule.get("record") for rule in RULES} or any(
        series["series"].startswith(metric) for series in well["input_series"]
    )


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_says_how_bad_it_is_and_what_to_do(alert: dict[str, dict[str, str]]) -> None:
    assert alert["labels"]["severity"] in ("critical", "warning")
    assert set(alert["annotations"]) == {"summary", "description", "runbook"}
    name = str(alert["alert"])
    assert alert["annotations"]["runbook"] == f"docs/operations.md#{name.lower()}"
    section = re.search(
        rf"^### {name}\n(.+?)(?=\n#|\Z)", (ROOT / "docs/operations.md").read_text(), re.MULTILINE | re.DOTALL
    )
    assert section, "docs/operations.md has no section for it"
    assert re.findall(r"\*\*(.+?):\*\*", section[1]) == ["Lost", "Do", "Over"]


def test_the_version_for_another_prometheus_has_the_same_jobs() -> None:
    """The dashboards and rules select by job. The demonstration is scraped on the developer's machine only."""
    example = re.search(r"```yaml\n(scrape_configs:.*?)```", (ROOT / "docs" / "infra.md").read_text(), re.DOTALL)
    assert example
    ours = YAML(typ="safe").load((PROMETHEUS / "prometheus.yml").read_text())
    jobs = [
        [job["job_name"] for job in configuration["scrape_configs"] if job["job_name"] not in DEMO_JOBS]
        for configuration in (YAML(typ="safe").load(example[1]), ours)
    ]
    assert jobs[0] == jobs[1] == ["trading-app", "metrics-sidecar", "trading-analytics", "market-feed"]
