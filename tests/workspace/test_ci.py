"""`.ci/run` and the workflows run what the documents say that a person runs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.workspace.test_lock import PYTHONS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """`.ci/run` beside a Makefile whose targets only say their name; FAIL and BAD_STYLE make them fail."""
    (tmp_path / "installed").mkdir()
    for program in ("prometheus", "wrk", "chromium"):
        (tmp_path / "installed" / program).touch(mode=0o755)
    (tmp_path / ".ci").mkdir()
    shutil.copyfile(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    (tmp_path / "Makefile").write_text(
        "test:\n\t@echo tests CI=$(CI)\n\t@test -z '$(FAIL)'\nlint:\n\t@echo lint\n\t@test -z '$(BAD_STYLE)'\n"
        "test-long:\n\t@echo long tests\n\t@test -z '$(FAIL_LATE)'\n"
    )
    return tmp_path


def run(copy: Path, *targets: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Started from another folder, with nothing to read."""
    outside = {
        key: value for key, value in os.environ.items() if not key.startswith("MAKE")
    }  # not as a part of `make test`
    outside["PATH"] = f"{copy / 'installed'}{os.pathsep}{outside['PATH']}"
    command = [found("bash"), str(copy / ".ci" / "run"), *targets]
    return subprocess.run(
        command, cwd="/", env=outside | variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30,
        check=False,
    )  # fmt: skip


def found(tool: str) -> str:
    path = shutil.which(tool)
    assert path, tool
    return path


def test_it_runs_lint_and_then_all_tests(copy: Path) -> None:
    done = run(copy)
    assert (done.returncode, done.stdout) == (0, "lint\ntests CI=true\nlong tests\n")


def test_it_runs_the_targets_it_is_asked_for(copy: Path) -> None:
    assert run(copy, "lint").stdout == "lint\n"
    assert run(copy, "test").stdout == "tests CI=true\n"


def test_a_failing_test_fails_it(copy: Path) -> None:
    assert run(copy, FAIL="1").returncode != 0
    assert run(copy, FAIL_LATE="1").returncode != 0


def test_a_failing_lint_fails_it_before_a_test_runs(copy: Path) -> None:
    done = run(copy, BAD_STYLE="1")
    assert done.returncode != 0
    assert "tests" not in done.stdout


def test_missing_tools_are_installed(copy: Path, tmp_path: Path) -> None:
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


def test_lint_installs_no_tool_that_only_tests_need(copy: Path) -> None:
    for program in ("prometheus", "wrk", "chromium"):
        (copy / "installed" / program).unlink()
    assert run(copy, "lint").stdout == "lint\n"


WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def workflow(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe", pure=True).load((ROOT / ".github" / "workflows" / name).read_text())
    return loaded


def commands(job: dict[str, Any]) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        *(("vendor.github-workflows", path) for path in WORKFLOWS),
        ("vendor.dependabot", ROOT / ".github/dependabot.yml"),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else "",
)
def test_each_file_for_github_fits_its_schema(schema: str, path: Path) -> None:
    """The schemas come with check-jsonschema; nothing is fetched."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_lint_comes_first_and_the_tests_on_every_supported_python() -> None:
    jobs = workflow("ci.yml")["jobs"]
    assert commands(jobs["lint"]) == ["bash .ci/run lint"]
    assert commands(jobs["test"]) == ["bash .ci/run test test-long"]
    assert jobs["test"]["needs"] == "lint"
    matrix = jobs["test"]["strategy"]["matrix"]
    assert matrix["python"] == PYTHONS
    assert [entry["os"] for entry in matrix["include"]] == ["macos-latest"]


def test_the_faults_are_tried_each_night() -> None:
    nightly = workflow("nightly.yml")
    assert nightly["on"]["schedule"]
    assert commands(nightly["jobs"]["faults"]) == ["bash .ci/run torture"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_each_job_has_a_time_limit_and_may_only_read(path: Path) -> None:
    loaded = workflow(path.name)
    assert loaded["permissions"] == {"contents": "read"}
    assert [name for name, job in loaded["jobs"].items() if "timeout-minutes" not in job] == []
