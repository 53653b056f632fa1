"""The Makefile: its targets, and how it finds a Python."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TARGETS = [
    "env-setup", "apps-up", "apps-down", "infra-up", "infra-down", "open", "demo", "seed", "test", "test-long", "lint",
    "torture", "bench", "graph", "lock", "audit", "clean",
]  # fmt: skip


def make(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = ["make", "--no-print-directory", *arguments]
    outside = {
        key: value for key, value in os.environ.items() if not key.startswith("MAKE")
    }  # not as a part of `make test`
    return subprocess.run(command, cwd=cwd, env=outside, capture_output=True, text=True, timeout=30, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with the Makefile, and an env-setup that says which Python it was started with."""
    (tmp_path / "Makefile").write_bytes((ROOT / "Makefile").read_bytes())
    (tmp_path / "infra" / "local").mkdir(parents=True)
    (tmp_path / "infra" / "local" / "env_setup.py").write_text("import sys; print('set up with', sys.version_info[:2])")
    return tmp_path


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("arguments", [[], ["help"]])
def test_help_lists_every_target(arguments: list[str]) -> None:
    listed = [line.split()[1] for line in make(*arguments).stdout.splitlines()]
    assert [target for target in listed if target != "help"][: len(TARGETS)] == TARGETS


def test_a_python_that_does_not_work_or_is_too_old_is_passed_over(copy: Path) -> None:
    broken = script(copy / "python3.13", "echo 'not installed' >&2; exit 127")
    old = script(copy / "python3.12", "exit 0")  # prints no path, as a Python before 3.11 does
    done = make(f"PYTHON={broken} {old} {ROOT / '.venv' / 'bin' / 'python'}", "env-setup", cwd=copy)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("set up with (3, ")


def test_no_python_at_all_says_what_to_do(copy: Path) -> None:
    done = make("PYTHON=python-that-is-not-there", "test", cwd=copy)
    assert done.returncode != 0
    assert "No Python 3.11 or newer runs here (tried: python-that-is-not-there)." in done.stderr
    assert "make PYTHON=/path/to/python3.12 test" in done.stderr


def test_a_failed_set_up_fails_the_target(copy: Path) -> None:
    (copy / "infra" / "local" / "env_setup.py").write_text("raise SystemExit(1)")
    assert make("test", cwd=copy).returncode != 0


def test_clean_keeps_data_and_settings(copy: Path) -> None:
    for name in ("data/trades.sqlite", ".env", ".venv/pyvenv.cfg", "wheelhouse/demo.whl", "tests/__pycache__/a.pyc"):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).touch()
    done = make("clean", cwd=copy)
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "clean: removed .venv, wheelhouse and what else these targets made",
        "clean: kept data/, your trades and what Prometheus and Grafana stored",
        "clean: kept .env, your settings",
    ]
    assert sorted(path.name for path in copy.iterdir()) == [".env", "Makefile", "data", "infra", "tests"]
    assert not (copy / "tests" / "__pycache__").exists()


def test_demo_passes_on_only_what_is_given() -> None:
    def passed(*given: str) -> list[str]:
        return make("-n", "demo", *given).stdout.partition("-m infra.local.demo")[2].replace("\\", "").split()

    assert passed() == []
    assert passed("RATE=50") == ["--rate", "50"]
    given = "--rate 50 --seconds 9 --port 8200 --stream-port 5755"
    assert passed("RATE=50", "SECONDS=9", "PORT=8200", "STREAM_PORT=5755") == given.split()
