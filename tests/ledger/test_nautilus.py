"""The comparison with nautilus_trader, which this project does not depend on."""

import importlib.util

import pytest

from tests.torture import nautilus


def test_the_comparison_agrees_or_says_that_it_was_skipped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["nautilus", "--ledgers", "2"])
    assert nautilus.main() == 0
    installed = importlib.util.find_spec("nautilus_trader") is not None
    assert (" 0 differences" if installed else "skipped") in capsys.readouterr().out
