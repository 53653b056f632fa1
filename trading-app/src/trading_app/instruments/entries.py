"""Entries of the file with instruments, and what is wrong with several of them together. No I/O."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trading_model.contents import Instrument
from trading_model.instruments import normal_form
from trading_model.symbols import probably_meant

Problem = tuple[int, str]
"""A line of the file, from 1, and what is wrong there."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the file. `name` is its symbol or its pattern in upper case; `json` what it says, as journaled."""

    line: int
    name: str
    json: str
    content: Instrument

    @property
    def id(self) -> str:
        """The id of its event in the ledger."""
        return f"file:{self.name}"


def check_together(entries: Sequence[Entry]) -> Iterator[Problem]:
    """What is wrong although each entry is right: names and aliases twice, circles of aliases."""
    yield from _twice(entries)
    yield from _aliases_twice(entries)
    yield from _circles(entries)


def _twice(entries: Sequence[Entry]) -> Iterator[Problem]:
    lines: dict[str, int] = {}
    for entry in entries:
        if entry.name in lines:
            yield entry.line, f"{entry.name} has an entry in line {lines[entry.name]} already; make one of the two"
        lines.setdefault(entry.name, entry.line)


def _aliases_twice(entries: Sequence[Entry]) -> Iterator[Problem]:
    claimed: dict[str, Entry] = {}
    for entry in entries:
        for alias in normal_form(entry.content).aliases or ():
            if alias in claimed and claimed[alias].name != entry.name:
                yield entry.line, f"{alias} is an alias of {claimed[alias].name} in line {claimed[alias].line} already"
            claimed.setdefault(alias, entry)


def _circles(entries: Sequence[Entry]) -> Iterator[Problem]:
    """Each circle of aliases, at its entry that comes last."""
    stands_for = {alias: entry for entry in entries for alias in normal_form(entry.content).aliases or ()}
    reported: set[str] = set()
    for entry in entries:
        path = [entry]
        while path[-1].name in stands_for:
            following = stands_for[path[-1].name]
            if following in path:
                circle = path[path.index(following) :]
                names = [each.name for each in circle]
                if not reported & set(names):
                    last = max(circle, key=lambda each: each.line)
                    yield last.line, f"aliases form a circle: {', '.join([*names, names[0]])}"
                reported |= set(names)
                break
            path.append(following)


def doubts(entries: Sequence[Entry]) -> Iterator[Problem]:
    """What is right in form, but may be a slip: a currency that is one letter away from a known one."""
    for entry in entries:
        code = entry.content.currency
        meant = "" if code is None else probably_meant(code)
        if meant:
            yield entry.line, f"{entry.name}: the currency {code} is not known; do you mean {meant}?"
