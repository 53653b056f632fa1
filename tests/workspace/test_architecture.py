"""The folders mean what docs/architecture.md says: who may import whom."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.import_graph import Module, circles, imported_modules, modules_below, room_graph

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "telemetry_stream": ROOT / "libs/telemetry-stream/src/telemetry_stream",
    "trading_model": ROOT / "libs/trading-model/src/trading_model",
    "trading_history": ROOT / "libs/trading-history/src/trading_history",
    "trading_files": ROOT / "libs/trading-files/src/trading_files",
    "service_kit": ROOT / "libs/service-kit/src/service_kit",
    "trading_client": ROOT / "libs/trading-client/src/trading_client",
    "trading_app": ROOT / "trading-app/src/trading_app",
    "metrics_sidecar": ROOT / "metrics-sidecar/src/metrics_sidecar",
    "trading_analytics": ROOT / "trading-analytics/src/trading_analytics",
    "market_feed": ROOT / "market-feed/src/market_feed",
}
LIBRARIES = {"telemetry_stream", "trading_model", "trading_history", "trading_files", "service_kit", "trading_client"}
PROGRAMS = PACKAGES.keys() - LIBRARIES
ALLOWED: dict[str, set[str]] = {name: set() for name in LIBRARIES} | dict.fromkeys(PROGRAMS, LIBRARIES)
ALLOWED["trading_history"] = {"telemetry_stream", "trading_model"}
ALLOWED["trading_files"] = {"trading_model"}
NO_INPUT_OR_OUTPUT = (
    "telemetry_stream/events.py",
    "telemetry_stream/wire.py",
    "telemetry_stream/follower.py",
    "service_kit/access/tokens.py",
    "service_kit/access/token_throttle.py",
    "service_kit/access/gate.py",
    "service_kit/capacity.py",
    "service_kit/problems.py",
    "trading_app/intake/decode.py",
    "trading_app/intake/service.py",
    "trading_app/intake/results.py",
    "trading_history/standing.py",
    "metrics_sidecar/exposition/text.py",
    "service_kit/metrics/text.py",
    "service_kit/metrics/histogram.py",
    "telemetry_stream/id_spaces.py",
    *(
        f"market_feed/{name}.py"
        for name in (
            *("market", "times", "schedule/calendar", "schedule/session"),
            *("venues/venue", "venues/decimals", "venues/binance/frames", "venues/binance/pages"),
            *(f"venues/coinbase/{name}" for name in ("frames", "pages", "venue")),
            *("venues/binance/venue", "simulator/database", "simulator/faults"),
        )
    ),
    *(
        f"market_feed/decisions/{path.name}"
        for path in sorted((PACKAGES["market_feed"] / "decisions").glob("*.py"))
        if path.name != "__init__.py"
    ),
    *sorted(str(path.relative_to(ROOT / "libs/trading-model/src")) for path in PACKAGES["trading_model"].rglob("*.py")),
)
DEVICES = {"asyncio", "socket", "zmq", "apsw", "sqlite3", "os", "pathlib", "time", "threading", "uvicorn", "starlette"}
ENTRY_POINTS = {
    "trading_app.ui",
    "trading_app.main",
    "trading_app.server",
    "metrics_sidecar.main",
    "metrics_sidecar.run",
    "trading_analytics.main",
    "trading_analytics.run",
    "market_feed.main",
    "market_feed.run",
}


def product() -> dict[str, Module]:
    """Every module of the packages, by its dotted name."""
    return {name: module for folder in PACKAGES.values() for name, module in modules_below(folder).items()}


def imported_by(file: Path) -> set[str]:
    """The top-level names a module imports, anywhere in it."""
    return {name.partition(".")[0] for name in imported_modules(ast.parse(file.read_text()))}


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


def test_modules_that_decide_by_time_are_handed_a_clock() -> None:
    """The library `limits` has a clock of its own, which the rate limit has to read too."""
    rooms = [PACKAGES["service_kit"] / "access", PACKAGES["trading_app"] / "access"]
    files = [file for room in rooms for file in room.glob("*.py") if file.name != "rate_limit.py"]
    files.append(PACKAGES["trading_app"] / "page" / "sidecar_feed.py")
    assert [file.name for file in files if {"time", "datetime"} & imported_by(file)] == []


def test_infra_imports_libraries_and_no_program() -> None:
    files = list((ROOT / "infra").rglob("*.py"))
    assert files
    for file in files:
        assert not imported_by(file) & PROGRAMS, file


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {name: module.imports for name, module in product().items()}
    assert circles(graph) == []


def test_no_room_imports_itself_by_way_of_others() -> None:
    assert circles(room_graph(product())) == []


def test_only_entry_points_import_what_wires_a_program() -> None:
    for name, module in product().items():
        if name not in ENTRY_POINTS:
            assert not module.imports & ENTRY_POINTS, name


ADAPTERS = ("telemetry_stream.stores", "telemetry_stream.transports")


@pytest.mark.parametrize("package", sorted(PROGRAMS))
def test_no_program_knows_which_store_or_transport_it_has(package: str) -> None:
    for name, module in modules_below(PACKAGES[package]).items():
        assert not [one for one in module.imports if one.startswith(ADAPTERS)], name
        assert not imported_by(module.file) & {"apsw", "zmq"}, name


def test_all_errors_of_the_stream_are_in_one_file() -> None:
    for name, module in modules_below(PACKAGES["telemetry_stream"]).items():
        classes = [node for node in ast.walk(ast.parse(module.file.read_text())) if isinstance(node, ast.ClassDef)]
        bases = {base.id for node in classes for base in node.bases if isinstance(base, ast.Name)}
        assert name == "telemetry_stream.errors" or not any(base.endswith(("Error", "Exception")) for base in bases), (
            name
        )


def test_the_tree_of_the_streams_errors_has_each_of_them_below_its_base() -> None:
    tree = ast.parse((PACKAGES["telemetry_stream"] / "errors.py").read_text())
    drawn = re.findall(r"^([ │]*)(?:[├└]── )?([A-Z]\w+)(?: {2}|$)", ast.get_docstring(tree) or "", re.MULTILINE)
    path: list[str] = []
    bases = {}
    for indent, name in drawn:
        del path[len(indent) // 4 + (name != "StreamError") :]
        bases[name] = path[-1] if path else "Exception"
        path.append(name)
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    assert bases == {one.name: ast.unparse(one.bases[0]) for one in classes if one.name != "Part"}


def package_folders() -> list[Path]:
    return sorted(file.parent for folder in PACKAGES.values() for file in folder.rglob("__init__.py"))


@pytest.mark.parametrize("folder", package_folders(), ids=lambda folder: folder.name)
def test_a_package_says_what_each_of_its_modules_is_for(folder: Path) -> None:
    text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text()), clean=False) or ""
    listed = re.findall(r"^    (\w+)  +\S", text, re.MULTILINE)
    modules = {file.stem for file in folder.glob("*.py")} - {"__init__"}
    packages = {file.parent.name for file in folder.glob("*/__init__.py")}
    assert set(listed) == modules | packages
    assert len(listed) == len(set(listed))


def test_a_reader_of_the_stream_loads_no_store() -> None:
    """The store's libraries would be a third of the time that the sidecar takes to start."""
    program = "import sys, metrics_sidecar.run; print(*sorted(sys.modules.keys() & {'apsw', 'numpy'}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
