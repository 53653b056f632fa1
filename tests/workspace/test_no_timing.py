"""No test of `make test` asserts how long something takes: a busy machine would fail it. `make bench` measures."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TESTS = sorted(path for path in (ROOT / "tests").rglob("test_*.py"))
STOPWATCHES = {"perf_counter", "perf_counter_ns", "process_time", "thread_time", "monotonic_ns", "cpu_seconds"}


def timed_assertions(tree: ast.AST) -> list[int]:
    """The lines that read a stopwatch, or compare an elapsed time in an assertion."""
    lines = []
    for node in ast.walk(tree):
        name = getattr(node, "attr", None) or getattr(node, "id", None)
        if name in STOPWATCHES:
            lines.append(node.lineno)  # type: ignore[attr-defined]  # what has a name has a line
        if isinstance(node, ast.Assert):
            lines += [node.lineno for part in ast.walk(node.test) if _is_elapsed(part)]
    return lines


def _is_elapsed(node: ast.AST) -> bool:
    """`time.monotonic() - began`."""
    return (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Sub)
        and isinstance(node.left, ast.Call)
        and getattr(node.left.func, "attr", "") == "monotonic"
    )


def test_nothing_is_timed() -> None:
    sources = {path: path.read_text() for path in TESTS}
    suspects = [path for path, source in sources.items() if any(word in source for word in (*STOPWATCHES, "monotonic"))]
    assert {path: lines for path in suspects if (lines := timed_assertions(ast.parse(sources[path])))} == {}


@pytest.mark.parametrize(
    "source", ["began = time.perf_counter()", "assert time.monotonic() - began < 1", "assert cpu_seconds(7) < 2"]
)
def test_a_timed_test_would_be_found(source: str) -> None:
    assert timed_assertions(ast.parse(source))
