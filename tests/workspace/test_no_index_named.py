"""No file of the project names a package index or registry: each installs from the one its user has."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# In pieces, so that this file does not name them either.
HOSTS = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pypi", "python", "org"),
        ("files", "pythonhosted", "org"),
        ("pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("registry", "yarnpkg", "com"),
        ("conda", "anaconda", "org"),
        ("index", "crates", "io"),
        ("proxy", "golang", "org"),
        ("unpkg", "com"),
        ("cdn", "jsdelivr", "net"),
        ("cdnjs", "cloudflare", "com"),
    )
]
INDEX_OPTIONS = ["--index" + "-url", "--extra-index" + "-url", "index" + "-url =", "index" + "-url="]


def project_files() -> list[Path]:
    """What is committed or would be."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("host", HOSTS)
def test_no_file_names_a_host(host: str) -> None:
    assert [path for path in project_files() if host.encode() in path.read_bytes()] == []


def test_no_tool_gets_the_address_of_an_index() -> None:
    configured = [
        path for path in project_files() if path.suffix in (".toml", ".cfg", ".ini", ".yml", ".sh", ".txt", "")
    ]
    texts = {path: path.read_text(errors="replace") for path in configured}
    assert [path for path, text in texts.items() if any(option in text for option in INDEX_OPTIONS)] == []
    assert [path for path, text in texts.items() if "[[tool.uv." + "index]]" in text] == []
