"""The benchmark suite runs, compares its totals, and is documented; the speed itself is not tested."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.paced import percentile
from benchmarks.processes import obstacle
from benchmarks.run import FIGURES
from benchmarks.suite import Suite
from benchmarks.table import Row, at_least, at_most

ROOT = Path(__file__).resolve().parents[2]

needs_two_cores = pytest.mark.skipif(
    sys.platform != "linux" or obstacle() != "", reason="needs Linux, wrk, taskset and two cores"
)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.run", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)


@pytest.mark.long
@needs_two_cores
def test_a_figure_is_measured_and_every_trade_that_was_sent_is_in_the_metrics() -> None:
    done = run("--quick", "threads")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[1:5]] == ["threads"] * 4
    totals = next(line for line in lines if line.startswith("Trades sent "))
    sent, journaled, shown = (int(word.strip(",:").replace(",", "")) for word in totals.split() if word[0].isdigit())
    assert 0 < sent == journaled == shown


@needs_two_cores
def test_a_trade_that_was_sent_and_is_not_there_fails_the_figure(tmp_path: Path) -> None:
    suite = Suite(tmp_path, seconds=1, rounds=1, trades=0)
    with pytest.raises(AssertionError, match="Totals\\(sent=1, journaled=0, shown=0\\)"), suite.product() as product:
        product.sent += 1
    assert suite.totals == []


def test_each_figure_can_be_listed_and_a_wrong_one_is_named() -> None:
    listed = run("--list")
    assert [line.split()[0] for line in listed.stdout.splitlines()] == list(FIGURES)
    wrong = run("sinlge")
    assert wrong.returncode == 2
    assert "'sinlge' is none of single, " in wrong.stderr


def test_the_document_says_what_each_figure_is() -> None:
    text = (ROOT / "docs/performance.md").read_text()
    described = text[text.index("## The figures") : text.index("## Measured")]
    assert [line.split("`")[1] for line in described.splitlines() if line.startswith("| `")] == list(FIGURES)


@pytest.mark.parametrize(
    ("row", "ratio", "verdict"),
    [
        (at_least("rate", 600_000, 900_000, "/s"), "1.50", "pass"),
        (at_least("rate", 600_000, 300_000, "/s"), "0.50", "short"),
        (at_most("p99", 10, 5, " ms"), "2.00", "pass"),
        (at_most("p99", 10, 40, " ms"), "0.25", "short"),
        (Row("p99", "", "not installed"), "–", "–"),
    ],
)
def test_a_ratio_from_one_up_passes(row: Row, ratio: str, verdict: str) -> None:
    assert row.cells("figure")[4:] == (ratio, verdict)


def test_new_figures_replace_their_own_and_leave_the_others() -> None:
    text = f"before\n{report.BEGIN}\n{report.END}\nafter\n"
    first = report.renewed(
        text, {"b": [Row("rate", "", "1/s")], "a": [Row("rate", "", "2/s")]}, "ab", "on one machine", "cmd"
    )
    again = report.renewed(first, {"b": [Row("rate", "", "3/s")]}, "ab", "on another", "cmd")
    rows = [line for line in again.splitlines() if line.startswith("| `")]
    assert rows == ["| `a` | rate |  | 2/s | – | – |", "| `b` | rate |  | 3/s | – | – |"]
    assert "on another" in again
    assert "on one machine" not in again
    assert again.startswith("before\n")
    assert again.endswith("\nafter\n")


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
    assert percentile([float(number) for number in range(1, 101)], 99) == 100.0
    assert percentile([7.0], 99) == 7.0
