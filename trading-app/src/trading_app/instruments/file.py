"""Reads the file with instruments, `config/instruments.yml`: each entry checked as one sent to the API is.

A value is taken as the text that stands there, never as what YAML makes of it: 0700, NO, 1e3 and 12:30 stay as they
are, and so does each digit of a number.
"""

import difflib
from pathlib import Path
from typing import Any

import msgspec

from trading_app.instruments.entries import Entry, Problem, check_together
from trading_model.contents import Instrument
from trading_model.instruments import normal_form
from trading_model.kind_members import KINDS, Complaint, object_text, read_members

VERSION = "1"
MEMBERS = tuple(each.name for each in KINDS["instrument"].members)
MAX_BYTES = 4 * 1024 * 1024
MAX_SHOWN = 20
"""Maximum number of errors shown."""

Node = Any
"""A node of ruamel.yaml, whose types do not declare its attributes: `id`, `value`, `style`, `start_mark`."""

_SCHEMAS = {each.name: each.schema for each in KINDS["instrument"].members}
_BOOLEANS = ("negative_prices",)
_TOP = ("version", "instruments")


class InstrumentFileError(Exception):
    """The file can't be used. Each line of the message names a line of the file."""


def read_file(path: Path) -> tuple[Entry, ...]:
    """The entries of the file; none if it is missing. Raises InstrumentFileError."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InstrumentFileError(f"{path}: has more than {MAX_BYTES // 2**20} MiB")
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise InstrumentFileError(f"{path}: {error}") from error
    entries, problems = read_entries(text)
    if problems:
        shown = [f"{path}:{line}: {detail}" for line, detail in problems[:MAX_SHOWN]]
        more = [f"and {len(problems) - MAX_SHOWN} more errors"] if len(problems) > MAX_SHOWN else []
        raise InstrumentFileError("\n".join(shown + more))
    return entries


def read_entries(text: str) -> tuple[tuple[Entry, ...], list[Problem]]:
    """The entries of a file with this text, and what is wrong with it, by line."""
    if all(not line.strip() or line.lstrip().startswith("#") for line in text.splitlines()):
        return (), []  # as delivered, all lines are comments: the slow import of a YAML parser is not needed

    from ruamel.yaml import YAML  # noqa: PLC0415 -- only where a file is to be read
    from ruamel.yaml.error import MarkedYAMLError, YAMLError  # noqa: PLC0415 -- the same

    try:
        root = YAML(typ="rt", pure=True).compose(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        return (), [(line, _why_no_yaml(error.problem or ""))]
    except (YAMLError, RecursionError, ValueError) as error:
        return (), [(1, f"is not YAML: {error}")]
    reading = _Reading()
    reading.read(root)
    return tuple(reading.entries), sorted(reading.problems)


class _Reading:
    """The entries found so far, and what is wrong."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.problems: list[Problem] = []

    def read(self, root: Node) -> None:
        members = self._members(root, _TOP, "the file", "`instruments:` and below it a list, each item with a symbol")
        if "version" in members and members["version"].value != VERSION:
            self._refuse(members["version"], f"version is {members['version'].value}; this app reads version {VERSION}")
        items = members.get("instruments")
        if items is None or items.value in ("", []):
            return
        if items.id != "sequence":
            self._refuse(items, "instruments must be a list: a line `- symbol: …` begins each item")
            return
        for item in items.value:
            self._read_item(item)
        self.problems += check_together(self.entries)

    def _read_item(self, item: Node) -> None:
        before = len(self.problems)
        nodes = self._members(item, MEMBERS, "an instrument", "members such as `symbol: ESZ26`, `multiplier: 50`")
        given = {name: raw for name, node in nodes.items() if (raw := self._json(name, node)) is not None}
        if len(self.problems) > before:
            return
        kind = KINDS["instrument"]
        reading = read_members(kind.members, given, now_ns=0)
        complaints = list(reading.complaints)
        if not complaints and kind.check is not None:
            complaints += kind.check(reading.texts)
        if complaints:
            self.problems += [self._problem(item, nodes, complaint) for complaint in complaints]
            return
        text = object_text(reading.texts)
        content = msgspec.json.decode(text, type=Instrument)
        normal = normal_form(content)
        name = normal.symbol or normal.pattern or ""
        self.entries.append(Entry(item.start_mark.line + 1, name, text, content))

    def _problem(self, item: Node, nodes: dict[str, Node], complaint: Complaint) -> Problem:
        name, detail = complaint
        node: Node = nodes.get(name, item)
        words = [word for word in _SCHEMAS.get(name, {}).get("enum", ()) if word is not None]
        close = difflib.get_close_matches(str(node.value).lower(), words, 1)
        meant = f"; do you mean {close[0]}?" if close else ""
        return (node.start_mark.line + 1, f"{name} {detail}{meant}")

    def _members(self, node: Node, known: tuple[str, ...], what: str, form: str) -> dict[str, Node]:
        """The members of a mapping, by name; what is unknown or given twice is refused."""
        if node is None or node.id != "mapping":
            self._refuse(node, f"{what} must have {form}")
            return {}
        members: dict[str, Node] = {}
        for key, value in node.value:
            name = str(key.value)
            if name not in known:
                self._refuse(key, f"{name[:64]} is not known; {_nearest(name, known)}")
            elif name in members:
                self._refuse(key, f"{name} is given twice")
            elif name in MEMBERS and value.value == "" and value.style is None:
                self._refuse(key, f"{name} has no value; remove the line, or give one")
            else:
                members[name] = value
        return members

    def _json(self, name: str, node: Node) -> msgspec.Raw | None:
        """A value as the JSON that a client would send; None for no value."""
        if node.id == "sequence" and all(each.id == "scalar" for each in node.value):
            return msgspec.Raw(msgspec.json.encode([each.value for each in node.value]))
        if node.id != "scalar":
            self._refuse(node, f"{name} must be one value, or a list of them")
            return None
        if name in _BOOLEANS:
            return msgspec.Raw(node.value.lower().encode())
        if name == "aliases":
            return msgspec.Raw(msgspec.json.encode([node.value]))
        return msgspec.Raw(msgspec.json.encode(node.value))

    def _refuse(self, node: Node, detail: str) -> None:
        self.problems.append((1 if node is None else node.start_mark.line + 1, detail))


def _nearest(name: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(name.lower(), known, 1)
    return f"do you mean {close[0]}?" if close else f"known are {', '.join(known)}"


def _why_no_yaml(problem: str) -> str:
    """What a person has to change where the parser stopped."""
    if "alias" in problem:
        return 'a value that begins with * needs quotes: pattern: "*USDm"'
    if "\\t" in problem:
        return "a tab; indent with spaces"
    if "cannot start any token" in problem:
        return f"{problem}; a value that begins with it needs quotes"
    return f"is not YAML: {problem}"
