"""Reads files of settings in YAML node by node, so that each error names its line. Values stay the text that is there.

YAML would make numbers, times and booleans of 0700, NO, 1e3 and 12:30, and drop digits of numbers.
"""

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from trading_files.mapping.nodes import Node, nearest, parse

Problem = tuple[int, str]
"""A line of the file, from 1, and what is wrong there."""

MAX_BYTES = 4 * 1024 * 1024
MAX_SHOWN = 20
"""Maximum number of errors shown."""


class FileError(Exception):
    """The file can't be used. Each line of the message names a line of the file."""


def read_text(path: Path) -> str | None:
    """The file's text; None if it is missing. Raises FileError."""
    try:
        with open(path, encoding="utf-8-sig", opener=_without_waiting) as file:
            if stat.S_ISFIFO(os.fstat(file.fileno()).st_mode):
                raise FileError(f"{path}: is a pipe, not a file")
            text = file.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES:
            raise FileError(f"{path}: has more than {MAX_BYTES // 2**20} MiB")
        return text
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise FileError(f"{path}: is not UTF-8; save it in that encoding") from None
    except (OSError, ValueError) as error:  # ValueError: a name that no path can have
        raise FileError(f"{path}: {error}") from error


def _without_waiting(path: str, flags: int) -> int:
    """Opens a file; a pipe that nobody writes to does not make it wait."""
    return os.open(path, flags | os.O_NONBLOCK)


def refuse(path: Path, problems: Sequence[Problem]) -> FileError:
    """The error that shows what is wrong with the file."""
    shown = [f"{path}:{line}: {detail}" for line, detail in problems[:MAX_SHOWN]]
    more = [f"and {len(problems) - MAX_SHOWN} more errors"] if len(problems) > MAX_SHOWN else []
    return FileError("\n".join(shown + more))


def compose(text: str) -> Node | Problem:
    """The root node of a text, None if it has only comments; or why it can't be read."""
    if all(not line.strip() or line.lstrip().startswith("#") for line in text.splitlines()):
        return None  # as delivered, all lines are comments: the slow import of a YAML parser is not needed

    return parse(text)


def line_of(node: Node) -> int:
    """The line of a node, from 1."""
    return 1 if node is None else node.start_mark.line + 1


class Nodes:
    """Reads nodes, and collects what is wrong with them."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def refuse(self, node: Node, detail: str) -> None:
        """Note an error of a node."""
        self.problems.append((line_of(node), detail))

    def members(
        self, node: Node, known: Sequence[str], what: str, form: str, may_be_empty: Sequence[str] = ()
    ) -> dict[str, Node]:
        """The members of a mapping, by name; what is unknown, given twice or has no value is refused."""
        if node is None or node.id != "mapping":
            self.refuse(node, f"{what} must have {form}")
            return {}
        members: dict[str, Node] = {}
        for key, value in node.value:
            name = str(key.value)
            if name not in known:
                self.refuse(key, f"{name[:64]} is not known; {nearest(name, known)}")
            elif name in members:
                self.refuse(key, f"{name} is given twice")
            elif name not in may_be_empty and value.value == "" and value.style is None:
                self.refuse(key, f"{name} has no value; remove the line, or give one")
            else:
                members[name] = value
        return members
