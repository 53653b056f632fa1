"""`uv.lock`: complete for every platform and Python, tied to no place, and in step with the pyprojects."""

import subprocess
import tomllib
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import Marker
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

from infra.local.lock import LockError, without_places

ROOT = Path(__file__).resolve().parents[2]
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
PLATFORMS = {  # what a wheel's platform starts with, and ends with
    "Linux x86-64": ("manylinux", "_x86_64"),
    "Linux arm64": ("manylinux", "_aarch64"),
    "macOS arm64": ("macosx", "_arm64"),
}
LOCKED = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
PACKAGES = [package for package in LOCKED if "registry" in package["source"]]


def serves(tag: Tag, python: str, platform: str) -> bool:
    """Whether a wheel with this tag runs there."""
    major, minor = python.split(".")
    version = (int(major), int(minor))
    known = [*cpython_tags(version, platforms=["any"]), *compatible_tags(version, f"cp{major}{minor}", ["any"])]
    start, end = PLATFORMS[platform]
    fits = tag.platform == "any" or (tag.platform.startswith(start) and tag.platform.endswith((end, "_universal2")))
    return fits and (tag.interpreter, tag.abi) in {(one.interpreter, one.abi) for one in known}


def is_installed(package: dict[str, Any], python: str) -> bool:
    """Whether a package of the lock depends on it under that Python."""
    version = {"python_version": python, "python_full_version": f"{python}.0"}
    markers = [
        entry.get("marker")
        for locked in LOCKED
        for entries in (locked.get("dependencies", []), *locked.get("dev-dependencies", {}).values())
        for entry in entries
        if entry["name"] == package["name"]
    ]
    return any(marker is None or Marker(marker).evaluate(version) for marker in markers)


def has_wheel(package: dict[str, Any], python: str, platform: str) -> bool:
    tags = {tag for wheel in package["wheels"] for tag in parse_wheel_filename(wheel["path"])[3]}
    return any(serves(tag, python, platform) for tag in tags)


@pytest.mark.parametrize(("python", "platform"), list(product(PYTHONS, PLATFORMS)))
def test_every_package_has_a_wheel(python: str, platform: str) -> None:
    installed = [package for package in PACKAGES if is_installed(package, python)]
    assert installed
    assert [package["name"] for package in installed if not has_wheel(package, python, platform)] == []


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package["name"])
def test_every_file_is_a_name_and_a_hash(package: dict[str, Any]) -> None:
    assert package["source"] == {"registry": "wheelhouse"}
    assert "sdist" not in package
    for wheel in package["wheels"]:
        assert "/" not in wheel["path"]
        assert wheel["hash"].startswith("sha256:")


def test_the_lock_is_in_step_with_the_pyprojects() -> None:
    check = [str(ROOT / ".venv" / "bin" / "uv"), "lock", "--check", "--offline"]
    done = subprocess.run(check, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"run `make lock`\n{done.stderr}"


def test_places_are_dropped_and_hashes_kept() -> None:
    written = """\
source = { registry = "https://packages.example.com/simple" }
sdist = { url = "https://files.example.com/a1/demo-1.0.tar.gz", hash = "sha256:0a" }
wheels = [
    { url = "https://files.example.com/b2/demo-1.0-py3-none-any.whl", hash = "sha256:0b", upload-time = "2026-01-01" },
]
"""
    assert (
        without_places(written)
        == """\
source = { registry = "wheelhouse" }
wheels = [
    { path = "demo-1.0-py3-none-any.whl", hash = "sha256:0b" },
]
"""
    )


def test_a_dependency_with_an_address_of_its_own_is_refused() -> None:
    with pytest.raises(LockError, match=r"git\.example\.com"):
        without_places('source = { git = "https://git.example.com/demo?rev=1#2" }\n')
