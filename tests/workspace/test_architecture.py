"""The folders mean what docs/architecture.md says: who may import whom."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "telemetry_stream": ROOT / "telemetry-stream/src/telemetry_stream",
    "trading_app": ROOT / "trading-app/src/trading_app",
    "metrics_sidecar": ROOT / "metrics-sidecar/src/metrics_sidecar",
}
ALLOWED = {
    "telemetry_stream": set[str](),
    "trading_app": {"telemetry_stream"},
    "metrics_sidecar": {"telemetry_stream"},
}
NO_INPUT_OR_OUTPUT = (
    "telemetry_stream/types.py",
    "telemetry_stream/trade.py",
    "telemetry_stream/wire.py",
    "telemetry_stream/follower.py",
    "telemetry_stream/tokens.py",
    "trading_app/fields.py",
    "trading_app/intake.py",
    "trading_app/answers.py",
    "metrics_sidecar/positions.py",
    "metrics_sidecar/state.py",
    "metrics_sidecar/exposition.py",
)
DEVICES = {"asyncio", "socket", "zmq", "apsw", "sqlite3", "os", "pathlib", "time", "threading", "uvicorn", "starlette"}


def imported_by(file: Path) -> set[str]:
    """The top-level names a module imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_the_packages_it_may(package: str) -> None:
    files = list(PACKAGES[package].rglob("*.py"))
    assert files
    for file in files:
        ours = imported_by(file) & PACKAGES.keys() - {package}
        assert ours <= ALLOWED[package], f"{file.name} imports {ours}"


@pytest.mark.parametrize("module", NO_INPUT_OR_OUTPUT)
def test_a_module_that_decides_has_no_way_to_do_input_or_output(module: str) -> None:
    package, _, name = module.partition("/")
    assert not imported_by(PACKAGES[package] / name) & DEVICES


def test_the_stream_knows_nothing_of_trades() -> None:
    for file in PACKAGES["telemetry_stream"].rglob("*.py"):
        modules = {node.module for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.ImportFrom)}
        assert "telemetry_stream.trade" not in modules, file.name


def test_every_module_named_in_the_architecture_document_is_there() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    there = {file.name for package in PACKAGES.values() for file in package.rglob("*.py")}
    named = {word.rpartition("/")[2] for word in text.split("`") if word.endswith(".py")}
    assert named
    assert named <= there
