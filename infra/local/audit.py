"""Ask whether known vulnerabilities are in the packages of `uv.lock`: `python -m infra.local.audit [uv's options]`.

uv asks the Open Source Vulnerabilities service (https://google.github.io/osv.dev/api/) by name and version; another
one that speaks the same is named with `--service-url`. Where none can be asked, the package index is: what the Python
Package Index calls its JSON API, and mirrors may have too, lists the vulnerabilities of a version. Exit codes: 0 none
is known, 1 some are, 2 of some packages nothing can be said.
"""

import argparse
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import httpx

from infra.local.env_setup import ROOT, TOOLS_PYTHON, UV
from infra.local.lock import environment

UNKNOWN = 2
AT_ONCE = 4
DEFAULT_INDEX = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
"""For the interpreter that has pip: where nobody set an index, no setting names it."""

Mended = dict[str, str]
"""The vulnerabilities of a package by id, and the versions in which each is mended."""


def main(options: list[str]) -> int:
    """Audit the lock as it is, the tools of development included."""
    command = [str(UV), "audit", "--frozen", "--preview-features", "audit-command", *options]
    variables = environment()
    code = subprocess.run(command, cwd=ROOT, env=variables, check=False).returncode
    if code in (0, 1):
        return code
    print("audit: the service can't be reached, see above; using the package index", file=sys.stderr)
    parser = argparse.ArgumentParser()
    parser.add_argument("--ignore", action="append", default=[])
    return ask_index(json_address(variables), set(parser.parse_known_args(options)[0].ignore))


def ask_index(address: str, ignored: set[str]) -> int:
    """Print what the package index knows of the locked packages; the exit code."""
    packages = sorted(locked_packages())
    with (
        httpx.Client(base_url=address, follow_redirects=True, timeout=60) as index,
        ThreadPoolExecutor(AT_ONCE) as several,
    ):
        known = dict(
            zip(packages, several.map(lambda package: vulnerabilities(index, *package), packages), strict=True)
        )
    found = unknown = 0
    for (name, version), mended in known.items():
        if mended is None:
            unknown += 1
            print(f"{name} {version}: nothing is known; it is not the newest version, or the index does not say")
            continue
        for identifier in mended.keys() - ignored:
            found += 1
            print(f"{name} {version}: {identifier}, mended in {mended[identifier] or 'no version'}")
    print(f"audit: {found} known vulnerabilities in {len(packages)} packages; nothing is known of {unknown}")
    return 1 if found else UNKNOWN if unknown else 0


def locked_packages() -> Iterator[tuple[str, str]]:
    """Name and version of each package that is not the project's own."""
    for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]:
        if "registry" in package["source"]:
            yield package["name"], package["version"]


def vulnerabilities(index: httpx.Client, name: str, version: str) -> Mended | None:
    """What the index knows of a version; None if it knows nothing. Some indexes know the newest version only."""
    for path in (f"{name}/{version}/json", f"{name}/json"):
        try:
            answer = index.get(path)
            known = answer.json() if answer.is_success else {}
        except (httpx.HTTPError, ValueError):
            continue
        if known.get("info", {}).get("version") == version and "vulnerabilities" in known:
            return {
                one["id"]: ", ".join(one.get("fixed_in", ()))
                for one in known["vulnerabilities"]
                if not one.get("withdrawn")
            }
    return None


def json_address(variables: Mapping[str, str]) -> str:
    """Where the JSON interface of this machine's index is: beside the list of packages that pip and uv read."""
    address = variables.get("UV_DEFAULT_INDEX", "")
    if not address:
        asked = subprocess.run([TOOLS_PYTHON, "-c", DEFAULT_INDEX], capture_output=True, text=True, check=True)
        address = asked.stdout.strip()
    return address.rstrip("/").removesuffix("/simple") + "/pypi/"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
