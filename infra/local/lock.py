"""Renew `uv.lock` from the pyprojects: `python -m infra.local.lock [all | PACKAGE ...]`, those with newer versions.

uv writes into a lock where it saw each file. This keeps the file's name and hash and drops the place: the lock then
reads as if all packages lay in `wheelhouse/`, and `env_setup.py` can fetch them from any index, mirror or folder.
Standard library alone: a lock that no longer fits the pyprojects is renewed without an environment.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from infra.local.env_setup import PIP, ROOT, UV, SetupError, member_files, prepare_uv


class LockError(Exception):
    """No lock could be made that stands without a place; the message says why."""


def main(upgrades: list[str]) -> int:
    lock = ROOT / "uv.lock"
    try:
        prepare_uv()
        before = lock.read_text()
        after = without_places(resolve(upgrades))
    except (SetupError, LockError) as error:
        print(f"lock: {error}", file=sys.stderr)
        return 1
    lock.write_text(after)
    outcome = "up to date" if after == before else "renewed; `make env-setup` installs it"
    print(f"lock: uv.lock is {outcome}")
    return 0


def resolve(upgrades: list[str]) -> str:
    """What uv locks, in a copy of the workspace so that an interruption leaves nothing half done.

    Raises LockError when uv finds no solution.
    """
    options = ["--upgrade"] if upgrades == ["all"] else [f"--upgrade-package={package}" for package in upgrades]
    with tempfile.TemporaryDirectory() as folder:
        for path in [ROOT / "uv.lock", ROOT / "pyproject.toml", *member_files()]:
            copy = Path(folder) / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        # Without --no-config the project's own no-index would hold; without --refresh a lock that lost files stays so.
        command = [str(UV), "lock", "--no-config", "--refresh", "--python", sys.executable, *options]
        if subprocess.run(command, cwd=folder, env=environment(), check=False).returncode != 0:
            raise LockError("uv found no solution; see above")
        return (Path(folder) / "uv.lock").read_text()


def environment() -> dict[str, str]:
    """The process environment with pip's settings of this machine's index, unless uv has its own."""
    names = {"index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX", "cert": "SSL_CERT_FILE"}
    known = {variable: pip_setting(name) for name, variable in names.items()}
    of_pip = {variable: value for variable, value in known.items() if value}
    return {**of_pip, **os.environ, "UV_PYTHON_DOWNLOADS": "never"}


def pip_setting(name: str) -> str:
    """A setting of pip, from its environment variable or its files; empty when there is none."""
    variable = "PIP_" + name.upper().replace("-", "_")
    asked = subprocess.run([*PIP, "config", "get", f"global.{name}"], capture_output=True, text=True, check=False)
    return os.environ.get(variable) or asked.stdout.strip()


def without_places(lock: str) -> str:
    """The lock with each file named, and no address.

    Raises LockError when an address is left, such as that of a git dependency.
    """
    lock = re.sub(r'registry = "[^"]+"', 'registry = "wheelhouse"', lock)
    lock = re.sub(r'\burl = "[^"]*/([^"/]+)"', r'path = "\1"', lock)
    lock = re.sub(r', upload-time = "[^"]*"|, size = \d+', "", lock)  # not every index has them
    lock = re.sub(r"^sdist = .*\n", "", lock, flags=re.MULTILINE)  # only wheels are installed
    if "://" in lock:
        line = next(line for line in lock.splitlines() if "://" in line)
        raise LockError(f"uv.lock would name an address: {line.strip()}")
    return lock


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
