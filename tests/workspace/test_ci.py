"""`.ci/run` and the workflow run what the documents tell a person to run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """`.ci/run` beside a Makefile whose targets only say their name; `test` fails when FAIL is set. Nothing lacks."""
    (tmp_path / "installed").mkdir()
    for program in ("prometheus", "wrk", "chromium"):
        (tmp_path / "installed" / program).touch(mode=0o755)
    (tmp_path / ".ci").mkdir()
    shutil.copyfile(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    (tmp_path / "Makefile").write_text("test:\n\t@echo tests CI=$(CI)\n\t@test -z '$(FAIL)'\nlint:\n\t@echo lint\n")
    return tmp_path


def run(copy: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Started from another folder, with nothing to read."""
    outside = {
        key: value for key, value in os.environ.items() if not key.startswith("MAKE")
    }  # not as a part of `make test`
    outside["PATH"] = f"{copy / 'installed'}{os.pathsep}{outside['PATH']}"
    return subprocess.run(
        [found("bash"), str(copy / ".ci" / "run")], cwd="/", env=outside | variables, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


def found(tool: str) -> str:
    path = shutil.which(tool)
    assert path, tool
    return path


def test_it_runs_tests_then_lint(copy: Path) -> None:
    done = run(copy)
    assert (done.returncode, done.stdout) == (0, "tests CI=true\nlint\n")


def test_a_failing_test_fails_it(copy: Path) -> None:
    done = run(copy, FAIL="1")
    assert done.returncode != 0
    assert "lint" not in done.stdout


def test_what_the_machine_lacks_is_installed(copy: Path, tmp_path: Path) -> None:
    """A machine without make, Prometheus and Chromium, whose apt-get brings them."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("bash", "dirname", "echo", "env", "git", "id", "ln", "sh", "test"):
        (tools / name).symlink_to(found(name))
    log = tmp_path / "log"
    install = f'#!/bin/sh\necho "$@" >> {log}\n[ "$1" = update ] || ln -s {found("make")} {tools}/make\n'
    for name, text in (("apt-get", install), ("sudo", '#!/bin/sh\nexec "$@"\n')):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    done = run(copy, PATH=str(tools), PYTHON=sys.executable)
    assert (done.returncode, done.stderr) == (0, "")
    assert log.read_text().splitlines() == [
        "update -qq",
        "install -qq -y --no-install-recommends make prometheus wrk chromium",
    ]


def test_the_workflow_runs_it_on_every_supported_python() -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    assert "bash .ci/run" in workflow
    assert 'python: ["3.11", "3.12", "3.13"]' in workflow
