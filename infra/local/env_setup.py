"""Make `.venv` from `uv.lock`, on a machine that has only Python 3.11 or newer (standard library alone).

`uv.lock` names every package file and its hash, and no place to get it from: pip, which knows this machine's index or
mirror, fetches the files into `wheelhouse/`, and uv, itself one of them, installs from that folder. A wheelhouse that
is complete already needs no network at all.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = ROOT / ".venv"
STAMP = ENVIRONMENT / "env-setup.stamp"
TOOLS = ROOT / ".uv"  # a private environment for pip and uv
TOOLS_PYTHON = TOOLS / "bin" / "python"
UV = TOOLS / "bin" / "uv"
WHEELHOUSE = ROOT / "wheelhouse"
PIP = [str(TOOLS_PYTHON), "-m", "pip", "--disable-pip-version-check"]

PAUSES = (2.0, 5.0, 15.0)  # seconds between attempts: a registry may be slow or briefly away


class SetupError(Exception):
    """The environment can't be made; the message says what to do."""


def main() -> int:
    run_folder = ROOT / ".run"
    run_folder.mkdir(exist_ok=True)
    with (run_folder / "env-setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two `make`s at once: the second finds the work done
        try:
            set_up()
        except SetupError as error:
            print(f"env-setup: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("env-setup: interrupted; the next run goes on from here", file=sys.stderr)
            return 130
    return 0


def set_up() -> None:
    """Bring `.venv` and `.env` up to date.

    Raises SetupError when a tool is missing, the packages can't be fetched or uv fails.
    """
    if not (ROOT / ".env").exists():
        shutil.copyfile(ROOT / ".env.sample", ROOT / ".env")
        print("env-setup: .env made from .env.sample")
    wanted = fingerprint()
    if STAMP.is_file() and STAMP.read_text() == wanted:
        return
    started = time.monotonic()
    STAMP.unlink(missing_ok=True)
    prepare_uv()
    fill_wheelhouse(locked_requirements(), "the packages")
    print("env-setup: installing", flush=True)
    run_uv("sync", "--frozen", "--quiet")
    STAMP.write_text(wanted)
    print(f"env-setup: .venv is ready, Python {platform.python_version()} ({time.monotonic() - started:.0f} s)")


def fingerprint() -> str:
    """What the environment depends on: the Python, the folder (environments can't be moved) and the input files."""
    inputs = [ROOT / "uv.lock", ROOT / "pyproject.toml", *member_files(), Path(__file__)]
    digest = hashlib.sha256(f"{sys.version}\n{sys.base_prefix}\n{ROOT}\n".encode())
    for path in inputs:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def member_files() -> list[Path]:
    """The pyproject.toml of each member of the workspace."""
    return sorted([*ROOT.glob("*/pyproject.toml"), *ROOT.glob("libs/*/pyproject.toml")])


def prepare_uv() -> None:
    """Have the uv that `uv.lock` names in `.uv`. Raises SetupError."""
    make_tools()
    fill_wheelhouse(uv_requirement(), "uv")
    source = ["--no-index", "--find-links", str(WHEELHOUSE), "--no-deps"]
    run([*PIP, "install", "--quiet", *source, "--requirement", write_requirements(uv_requirement())])


def make_tools() -> None:
    """Make `.uv` with pip in it, by the same Python that `.venv` is for: pip fetches wheels for the one it runs on."""
    identity = "import sys, pip; print(sys.version, sys.base_prefix)"
    if TOOLS_PYTHON.exists():
        found = subprocess.run([TOOLS_PYTHON, "-c", identity], capture_output=True, text=True, check=False)
        if found.stdout.strip() == f"{sys.version} {sys.base_prefix}":
            return
    try:
        import ensurepip  # noqa: F401, PLC0415 -- asked only whether it is there
    except ImportError:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise SetupError(
            f"{sys.executable} can't make virtual environments: its venv module has no ensurepip.\n"
            f"  On Debian or Ubuntu: apt install python{version}-venv\n"
            "  Or use another Python: make PYTHON=/path/to/python3.12 env-setup"
        ) from None
    print(f"env-setup: making .uv with {sys.executable}", flush=True)
    try:
        venv.create(TOOLS, clear=True, with_pip=True, symlinks=True)
    except (subprocess.CalledProcessError, OSError) as error:
        raise SetupError(f"{sys.executable} could not make the virtual environment .uv: {error}") from error


def uv_requirement() -> str:
    """The line of a requirements file for the uv that `uv.lock` names, with the hashes of its wheels."""
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    uv = next(package for package in packages if package["name"] == "uv")
    return f"uv=={uv['version']} " + " ".join(f"--hash={wheel['hash']}" for wheel in uv["wheels"])


def locked_requirements() -> str:
    """Every package of the lock with its hashes, as pip reads it."""
    return run_uv("export", "--frozen", "--quiet", "--no-emit-workspace", "--no-header", "--no-annotate")


def fill_wheelhouse(requirements: str, what: str) -> None:
    """Have the wheel of each requirement in the wheelhouse, its hash checked; people read `what` they are.

    Raises SetupError when a wheel can't be fetched, or has another hash than the lock.
    """
    WHEELHOUSE.mkdir(exist_ok=True)
    checks = ["--no-deps", "--require-hashes", "--only-binary", ":all:"]
    folders = ["--find-links", str(WHEELHOUSE), "--dest", str(WHEELHOUSE)]
    download = [*PIP, "download", "--quiet", *checks, *folders, "--requirement", write_requirements(requirements)]
    if subprocess.run([*download, "--no-index"], capture_output=True, check=False).returncode == 0:
        return
    print(f"env-setup: fetching {what}", flush=True)
    for pause in (*PAUSES, None):
        attempt = subprocess.run(download, stderr=subprocess.PIPE, text=True, check=False)
        if attempt.returncode == 0:
            return
        print(attempt.stderr, file=sys.stderr, end="")
        if "DO NOT MATCH THE HASHES" in attempt.stderr:
            raise SetupError("a package is not the one that uv.lock names; see above")
        if pause is not None:
            print(f"env-setup: trying again in {pause:.0f} s", file=sys.stderr, flush=True)
            time.sleep(pause)
    raise SetupError(f"{what} could not be fetched; see above, and docs/uv-guide.md for mirrors and no network")


def write_requirements(text: str) -> str:
    path = TOOLS / "requirements.txt"
    path.write_text(text)
    return str(path)


def run_uv(*arguments: str) -> str:
    """Run uv on `.venv` with the Python this script runs on, never one that uv fetches; returns what it printed."""
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    environment |= {"UV_PROJECT_ENVIRONMENT": str(ENVIRONMENT), "UV_PYTHON_DOWNLOADS": "never"}
    return run([str(UV), *arguments, "--offline", "--python", sys.executable], environment)


def run(command: list[str], environment: dict[str, str] | None = None) -> str:
    """Run a command in the root folder. Raises SetupError with what it printed when it fails."""
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SetupError(f"this failed with exit code {done.returncode}: {' '.join(command)}\n{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
