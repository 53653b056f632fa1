"""YAML nodes as values of known form, and what is wrong with them, by line.

A value is taken as the text that stands there, never as what YAML makes of it: NO, 0700 and 12:30 stay as they are.
"""

import difflib
from collections.abc import Iterable
from typing import Any

Node = Any
"""A node of ruamel.yaml, whose types do not declare its attributes: `id`, `value`, `style`, `start_mark`."""

MAX_SHOWN = 20
"""Maximum number of errors shown."""


class Problems:
    """What is wrong, each with its line from 1."""

    def __init__(self) -> None:
        self._found: list[tuple[int, str]] = []

    def add(self, node: Node, detail: str) -> None:
        """Say that a node is wrong."""
        self.add_at(1 if node is None else node.start_mark.line + 1, detail)

    def add_at(self, line: int, detail: str) -> None:
        """Say that a line is wrong."""
        self._found.append((line, detail))

    def __bool__(self) -> bool:
        return bool(self._found)

    def lines(self, name: str) -> list[str]:
        """One line for each, by line; at most MAX_SHOWN."""
        shown = [f"{name}:{line}: {detail}" for line, detail in sorted(self._found)[:MAX_SHOWN]]
        more = len(self._found) - len(shown)
        return [*shown, f"and {more} more errors"] if more else shown

    # Forms of values

    def members(self, node: Node, known: Iterable[str], what: str) -> dict[str, Node]:
        """The members of an object by name. An unknown one, or one given twice, is wrong."""
        known = tuple(known)
        members: dict[str, Node] = {}
        for key, value in self.pairs(node, what):
            name = str(key.value)
            if name not in known:
                self.add(key, f"{name[:64]} is not known in {what}; {nearest(name, known)}")
            elif name in members:
                self.add(key, f"{name} is given twice")
            else:
                members[name] = value
        return members

    def pairs(self, node: Node, what: str) -> list[tuple[Node, Node]]:
        """The keys and values of an object, each key once."""
        if node is None or node.id != "mapping":
            self.add(node, f"{what} must have members, as `name: value`, each on its own line")
            return []
        return [(key, value) for key, value in node.value if self._is_text(key)]

    def items(self, node: Node, what: str) -> list[Node]:
        """The items of a list; a single value is a list of one."""
        if node.id == "sequence":
            if not node.value:
                self.add(node, f"{what} is an empty list")
            return list(node.value)
        return [node]

    def texts(self, node: Node, what: str) -> tuple[str, ...]:
        """A list of texts, or one text."""
        return tuple(self.text(item, what) for item in self.items(node, what))

    def texts_or_empty(self, node: Node, what: str) -> tuple[str, ...]:
        """A list of texts, or one text, in which "" stands for an empty cell."""
        return tuple(self.any_text(item, what) for item in self.items(node, what))

    def text(self, node: Node, what: str) -> str:
        """A text that is not empty."""
        text = self.any_text(node, what)
        if not text and self._is_text(node):
            self.add(node, f"{what} has no value; remove the line, or give one")
        return text

    def any_text(self, node: Node, what: str) -> str:
        """A text, which may be empty."""
        if not self._is_text(node):
            self.add(node, f"{what} must be one text")
            return ""
        return str(node.value)

    def word(self, node: Node, words: tuple[str, ...], what: str) -> str:
        """One of some words."""
        word = self.text(node, what)
        if word and word not in words:
            self.add(node, f"{what} is {word[:64]}; {nearest(word, words)}")
        return word

    def boolean(self, node: Node, what: str) -> bool:
        """`true` or `false`."""
        return self.word(node, ("true", "false"), what) == "true"

    def _is_text(self, node: Node) -> bool:
        return node is not None and node.id == "scalar"


def nearest(name: str, known: Iterable[str]) -> str:
    """A question with the nearest known name, or all known names."""
    known = tuple(known)
    close = difflib.get_close_matches(name.lower(), known, 1)
    return f"do you mean {close[0]}?" if close else f"known are {', '.join(known)}"


def compose(text: str, problems: Problems) -> Node:
    """The root node of a YAML text; None if it is none."""
    root = parse(text)
    if isinstance(root, tuple):
        problems.add_at(*root)
        return None
    if root is None:
        problems.add_at(1, "is empty")
    return checked(root, problems)


def parse(text: str) -> Node | tuple[int, str]:
    """The root node of a YAML text, None if it is empty; or the line that is no YAML, from 1, and why."""
    from ruamel.yaml import YAML  # noqa: PLC0415 -- only where there is YAML to be read: its import is slow
    from ruamel.yaml.error import MarkedYAMLError, YAMLError  # noqa: PLC0415 -- the same

    try:
        return YAML(typ="rt", pure=True).compose(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        return line, _why_no_yaml(error.problem or "")
    except (YAMLError, RecursionError, ValueError) as error:
        return 1, f"is not YAML: {error}"


def checked(root: Node, problems: Problems) -> Node:
    """The node, if it has a form that can be walked through; else None."""
    if root is not None and _is_too_deep(root):
        problems.add(root, "is nested too deep, or in itself")
        return None
    return root


MAX_DEPTH = 20
MAX_NODES = 20_000
"""Bounds for a hostile mapping, whose anchors can stand for more nodes than it has characters."""


def _is_too_deep(root: Node) -> bool:
    waiting, seen = [(root, 0)], 0
    while waiting:
        node, depth = waiting.pop()
        seen += 1
        if depth > MAX_DEPTH or seen > MAX_NODES:
            return True
        if node.id == "sequence":
            waiting += [(item, depth + 1) for item in node.value]
        elif node.id == "mapping":
            waiting += [(item, depth + 1) for pair in node.value for item in pair]
    return False


def _why_no_yaml(problem: str) -> str:
    """What a person has to change where the parser stopped."""
    if "alias" in problem:
        return 'a value that begins with * needs quotes: "*USDT"'
    if "\\t" in problem:
        return "a tab; indent with spaces"
    if "cannot start any token" in problem:
        return f"{problem}; a value that begins with it needs quotes"
    return f"is not YAML: {problem}"
