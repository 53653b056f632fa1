"""The import graph of the packages, read from their text: `python -m tests.support.import_graph` draws it."""

import ast
from collections.abc import Mapping, Set
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = (*sorted(ROOT.glob("*/src/*/")), *sorted(ROOT.glob("libs/*/src/*/")))


@dataclass(frozen=True, slots=True)
class Module:
    """One file: its room (the package it lies in, a root module's own name) and the modules of ours it imports."""

    file: Path
    room: str
    imports: frozenset[str]


def imported_modules(tree: ast.Module) -> set[str]:
    """The dotted names that a module imports, anywhere in it; for `from a import b` both `a` and `a.b`."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@cache
def modules_below(package: Path) -> dict[str, Module]:
    """The modules of a package by dotted name. Imports of other packages of ours count too."""
    known = _known_names()
    found = {}
    for file in sorted(package.rglob("*.py")):
        name = _name(file, package)
        imports = imported_modules(ast.parse(file.read_text())) & known - {name}
        # `from package.room import module` means the module, not what the room's `__init__` says.
        imports = {one for one in imports if not any(other.startswith(f"{one}.") for other in imports)}
        found[name] = Module(file, _room(name, file), frozenset(imports))
    return found


@cache
def _known_names() -> frozenset[str]:
    return frozenset(_name(file, source) for source in SOURCES for file in source.rglob("*.py"))


def room_graph(modules: Mapping[str, Module]) -> dict[str, set[str]]:
    """Which room imports which other."""
    graph: dict[str, set[str]] = {}
    for module in modules.values():
        rooms = {modules[name].room for name in module.imports if name in modules} - {module.room}
        graph.setdefault(module.room, set()).update(rooms)
    return graph


def circles(graph: Mapping[str, Set[str]]) -> list[list[str]]:
    """The strongly connected components of more than one node (Tarjan's algorithm)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for following in graph.get(node, ()):
            if following not in index:
                visit(following)
                low[node] = min(low[node], low[following])
            elif following in stack:
                low[node] = min(low[node], index[following])
        if low[node] == index[node]:
            component = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(component) > 1:
                found.append(sorted(component))

    for node in graph:
        if node not in index:
            visit(node)
    return found


def _name(file: Path, package: Path) -> str:
    parts = file.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _room(name: str, file: Path) -> str:
    """`package.room` for what lies in a room, else the module's own name."""
    parts = name.split(".")
    return ".".join(parts[:2]) if len(parts) > 2 or file.name == "__init__.py" else name


def main() -> None:
    """Print each room with the rooms it imports, and the circles."""
    modules = {name: module for source in SOURCES for name, module in modules_below(source).items()}
    graph = room_graph(modules)
    for room in sorted(graph):
        count = sum(module.room == room for module in modules.values())
        print(f"{room} ({count}) -> {', '.join(sorted(graph[room])) or '-'}")
    print(f"circles: {circles(graph) or 'none'}")


if __name__ == "__main__":
    main()
