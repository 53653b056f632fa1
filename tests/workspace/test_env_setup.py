"""`make env-setup`: what it does without a network, with a bad one, and on a Python that lacks parts."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from infra.local import env_setup
from infra.local.env_setup import SetupError

ROOT = Path(__file__).resolve().parents[2]
INPUTS = ["uv.lock", "pyproject.toml", ".env.sample", "infra/local/env_setup.py"]
MEMBERS = [
    str(file.parent.relative_to(ROOT))
    for pattern in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["workspace"]["members"]
    for file in ROOT.glob(f"{pattern}/pyproject.toml")
]
"""The folders of the workspace's packages."""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """What env-setup reads, in an empty folder."""
    root = tmp_path / "copy"
    for name in [*INPUTS, *(f"{member}/pyproject.toml" for member in MEMBERS)]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, root / name)
    for member in MEMBERS:
        package = root / member / "src" / Path(member).name.replace("-", "_")
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        if (ROOT / member / "README.md").exists():  # named in its pyproject.toml, so it is read too
            shutil.copyfile(ROOT / member / "README.md", root / member / "README.md")
    return root


def run_set_up(root: Path, home: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "UV_", "VIRTUAL"))}
    environment |= {"HOME": str(home), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(ROOT / "wheelhouse")}
    words = command or ("-m", "infra.local.env_setup")
    return subprocess.run(
        [sys.executable, *words], cwd=root, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.long
@pytest.mark.skipif(not (ROOT / "wheelhouse").is_dir(), reason="make env-setup has not filled a wheelhouse here")
def test_a_folder_of_wheels_and_an_empty_home_are_enough(copy: Path, tmp_path: Path) -> None:
    done = run_set_up(copy, tmp_path / "home")
    assert done.returncode == 0, done.stderr
    check = "import telemetry_stream, trading_app, metrics_sidecar; print(trading_app.__file__)"
    imported = subprocess.check_output([copy / ".venv" / "bin" / "python", "-c", check], text=True)
    assert Path(imported.strip()).is_relative_to(copy), "the members are installed editable"
    assert (copy / ".env").read_bytes() == (copy / ".env.sample").read_bytes()
    assert (copy / "uv.lock").read_bytes() == (ROOT / "uv.lock").read_bytes()

    (copy / ".env").write_text("WEBAPP_HTTP_PORT=9000\n")
    again = run_set_up(copy, tmp_path / "home")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", ""), "a second time does nothing"
    assert (copy / ".env").read_text() == "WEBAPP_HTTP_PORT=9000\n"


def test_a_python_without_ensurepip_says_what_to_install(copy: Path, tmp_path: Path) -> None:
    without = "import runpy, sys; sys.modules['ensurepip'] = None; runpy.run_path(sys.argv[1], run_name='__main__')"
    done = run_set_up(copy, tmp_path / "home", "-c", without, "infra/local/env_setup.py")
    assert done.returncode == 1
    assert f"apt install python3.{sys.version_info.minor}-venv" in done.stderr


@pytest.mark.parametrize(
    "name", ["uv.lock", "pyproject.toml", "trading-app/pyproject.toml", "infra/local/env_setup.py"]
)
def test_a_change_of_any_input_is_noticed(copy: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(env_setup, "ROOT", copy)
    monkeypatch.setattr(env_setup, "__file__", str(copy / "infra" / "local" / "env_setup.py"))
    before = env_setup.fingerprint()
    assert env_setup.fingerprint() == before
    (copy / name).write_text((copy / name).read_text() + "\n")
    assert env_setup.fingerprint() != before


class FakePip:
    """A pip that fails a given number of times, and notes how it was called."""

    SCRIPT = """\
import pathlib, sys
calls = pathlib.Path(sys.argv[1])
calls.write_text(calls.read_text() + ("wheelhouse" if "--no-index" in sys.argv else "index") + " ")
if calls.read_text().split().count("index") <= int(sys.argv[2]):
    sys.exit(sys.argv[3])
sys.exit("--no-index" in sys.argv)
"""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch, failures: int, message: str) -> None:
        self._calls = root / "calls"
        self._calls.touch()
        (root / "pip.py").write_text(self.SCRIPT)
        command = [sys.executable, str(root / "pip.py"), str(self._calls), str(failures), message]
        monkeypatch.setattr(env_setup, "PIP", command)
        monkeypatch.setattr(env_setup, "PAUSES", (0.0, 0.0, 0.0))
        monkeypatch.setattr(env_setup, "TOOLS", root)
        monkeypatch.setattr(env_setup, "WHEELHOUSE", root / "wheelhouse")

    @property
    def calls(self) -> list[str]:
        return self._calls.read_text().split()


def test_a_network_failure_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pip = FakePip(tmp_path, monkeypatch, failures=2, message="Connection reset")
    env_setup.fill_wheelhouse("demo==1.0", "demo")
    assert pip.calls == ["wheelhouse", "index", "index", "index"]


def test_a_lasting_failure_ends_with_what_pip_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pip = FakePip(tmp_path, monkeypatch, failures=9, message="Name or service not known")
    with pytest.raises(SetupError, match="could not be fetched"):
        env_setup.fill_wheelhouse("demo==1.0", "demo")
    assert pip.calls.count("index") == 4
    assert "Name or service not known" in capsys.readouterr().err


def test_a_package_with_another_hash_is_not_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pip = FakePip(tmp_path, monkeypatch, failures=9, message="THESE PACKAGES DO NOT MATCH THE HASHES")
    with pytest.raises(SetupError, match=r"not the one that uv\.lock names"):
        env_setup.fill_wheelhouse("demo==1.0", "demo")
    assert pip.calls == ["wheelhouse", "index"]
