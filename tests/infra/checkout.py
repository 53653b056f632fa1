"""A copy of `infra/` in a temporary folder, and its commands run there as a user runs them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from dotenv import dotenv_values

ROOT = Path(__file__).resolve().parents[2]


class Checkout:
    """Runs `infra-up` and `infra-down` with only the programs it is given, whatever this machine has."""

    def __init__(self, folder: Path, *programs: str, **settings: str) -> None:
        self.folder = folder
        self.tools = folder / "tools"
        self.tools.mkdir(parents=True)
        shutil.copytree(ROOT / "infra", folder / "infra", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copyfile(ROOT / ".env.sample", folder / ".env")
        for program in programs:
            found = shutil.which(program)
            assert found, program
            (self.tools / program).symlink_to(found)
        ours = dotenv_values(ROOT / ".env.sample")
        from_outside = {key: value for key, value in os.environ.items() if key not in ours}
        self.environment = {**from_outside, "PATH": str(self.tools), **settings}

    def add_program(self, name: str, text: str) -> None:
        """A program written for the test."""
        path = self.tools / name
        path.write_text(f"#!{sys.executable}\n{text}")
        path.chmod(0o755)

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """`up`, `down` or `open`."""
        return subprocess.run(
            [sys.executable, "-m", "infra.monitoring.main", command], cwd=self.folder, env=self.environment,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def process(self, name: str) -> int:
        """The process id that `infra-up` wrote down."""
        return int((self.folder / ".run" / f"{name}.pid").read_text())
