"""Reads the file with instruments, `config/instruments.yml`: each entry checked as one sent to the API is.

A value is taken as the text that stands there, never as what YAML makes of it: 0700, NO, 1e3 and 12:30 stay as they
are, and so does each digit of a number.
"""

import difflib
from pathlib import Path

import msgspec

from trading_app.instruments.entries import Entry, Problem, check_together
from trading_app.yaml_nodes import Nodes, compose, read_text, refuse
from trading_files.mapping.nodes import Node
from trading_model.contents import Instrument
from trading_model.instruments import normal_form
from trading_model.kind_members import KINDS
from trading_model.members import Complaint, object_text, read_members

VERSION = "1"
MEMBERS = tuple(each.name for each in KINDS["instrument"].members)

_SCHEMAS = {each.name: each.schema for each in KINDS["instrument"].members}
_BOOLEANS = ("negative_prices",)
_TOP = ("version", "instruments")


def read_file(path: Path) -> tuple[Entry, ...]:
    """The entries of the file; none if it is missing. Raises FileError."""
    text = read_text(path)
    if text is None:
        return ()
    entries, problems = read_entries(text)
    if problems:
        raise refuse(path, problems)
    return entries


def read_entries(text: str) -> tuple[tuple[Entry, ...], list[Problem]]:
    """The entries of a file with this text, and what is wrong with it, by line."""
    root = compose(text)
    if root is None:
        return (), []
    if isinstance(root, tuple):
        return (), [root]
    reading = _Reading()
    reading.read(root)
    return tuple(reading.entries), sorted(reading.problems)


class _Reading(Nodes):
    """The entries found so far, and what is wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Entry] = []

    def read(self, root: Node) -> None:
        members = self.members(
            root, _TOP, "the file", "`instruments:` and below it a list, each item with a symbol", _TOP
        )
        if "version" in members and members["version"].value != VERSION:
            self.refuse(members["version"], f"version is {members['version'].value}; this app reads version {VERSION}")
        items = members.get("instruments")
        if items is None or items.value in ("", []):
            return
        if items.id != "sequence":
            self.refuse(items, "instruments must be a list: a line `- symbol: …` begins each item")
            return
        for item in items.value:
            self._read_item(item)
        self.problems += check_together(self.entries)

    def _read_item(self, item: Node) -> None:
        before = len(self.problems)
        nodes = self.members(item, MEMBERS, "an instrument", "members such as `symbol: ESZ26`, `multiplier: 50`")
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

    def _json(self, name: str, node: Node) -> msgspec.Raw | None:
        """A value as the JSON that a client would send; None for no value."""
        if node.id == "sequence" and all(each.id == "scalar" for each in node.value):
            return msgspec.Raw(msgspec.json.encode([each.value for each in node.value]))
        if node.id != "scalar":
            self.refuse(node, f"{name} must be one value, or a list of them")
            return None
        if name in _BOOLEANS:
            return msgspec.Raw(node.value.lower().encode())
        if name == "aliases":
            return msgspec.Raw(msgspec.json.encode([node.value]))
        return msgspec.Raw(msgspec.json.encode(node.value))
