"""Reads the file with what accounts began with, `config/accounts.yml`, and names the line of each error."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from trading_app.yaml_nodes import Nodes, Problem, compose, line_of, read_text, refuse
from trading_files.mapping.nodes import Node
from trading_model.decimals import ZERO
from trading_model.field_rules import FieldError, check_currency, check_name, read_decimal
from trading_model.symbols import plain_currency, probably_meant

VERSION = "1"
TOP = ("version", "accounts")
MEMBERS = ("capital", "floor")

Amounts = Mapping[str, Mapping[str, Decimal]]
"""Amounts by account and currency."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """What accounts began with, and the equity that they must not fall below. `doubts` are what may be a slip."""

    capital: Amounts = field(default_factory=dict)
    floor: Amounts = field(default_factory=dict)
    doubts: Sequence[Problem] = ()

    def capital_of(self, names: Sequence[str], currency: str) -> Decimal | None:
        """The capital of some accounts together, of all without `names`; None if none has any in this currency."""
        return _together(self.capital, names, currency)

    def floor_of(self, names: Sequence[str], currency: str) -> Decimal | None:
        """The floor of some accounts together, of all without `names`; None if none has any in this currency."""
        return _together(self.floor, names, currency)


def _together(amounts: Amounts, names: Sequence[str], currency: str) -> Decimal | None:
    found = [known[currency] for name, known in amounts.items() if currency in known and (not names or name in names)]
    return sum(found, ZERO) if found else None


NO_ACCOUNTS = Accounts()


def read_file(path: Path) -> Accounts:
    """The accounts of the file; none if it is missing. Raises FileError."""
    text = read_text(path)
    if text is None:
        return Accounts()
    accounts, problems = read_accounts(text)
    if problems:
        raise refuse(path, problems)
    return accounts


def read_accounts(text: str) -> tuple[Accounts, list[Problem]]:
    """The accounts of a file with this text, and what is wrong with it, by line."""
    root = compose(text)
    if root is None:
        return Accounts(), []
    if isinstance(root, tuple):
        return Accounts(), [root]
    reading = _Reading()
    reading.read(root)
    amounts = reading.amounts
    return Accounts(amounts["capital"], amounts["floor"], tuple(reading.doubts)), sorted(reading.problems)


class _Reading(Nodes):
    """The accounts found so far, and what is wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.amounts: dict[str, dict[str, dict[str, Decimal]]] = {member: {} for member in MEMBERS}
        self.doubts: list[Problem] = []

    def read(self, root: Node) -> None:
        members = self.members(root, TOP, "the file", "`accounts:` and below it a line for each account", TOP)
        if "version" in members and members["version"].value != VERSION:
            self.refuse(members["version"], f"version is {members['version'].value}; this app reads version {VERSION}")
        accounts = members.get("accounts")
        if accounts is None or accounts.value in ("", []):
            return
        if accounts.id != "mapping":
            self.refuse(accounts, "accounts must have a line `name: {capital: 10000 USDT}` for each account")
            return
        for key, value in accounts.value:
            self._read_account(key, value)

    def _read_account(self, key: Node, value: Node) -> None:
        try:
            name = check_name(str(key.value))
        except FieldError as error:
            self.refuse(key, f"the account's name {error}")
            return
        if any(name in known for known in self.amounts.values()):
            self.refuse(key, f"{name} is given twice")
            return
        for member, node in self.members(value, MEMBERS, name, "members such as `capital: 10000 USDT`").items():
            self.amounts[member][name] = self._amounts(member, node)

    def _amounts(self, member: str, node: Node) -> dict[str, Decimal]:
        """One amount, or a list of amounts in several currencies."""
        found: dict[str, Decimal] = {}
        for each in node.value if node.id == "sequence" else [node]:
            words = str(each.value).split() if each.id == "scalar" else []
            if len(words) != 2:
                self.refuse(each, f"{member} must be an amount with its currency, such as 10000 USDT")
                continue
            try:
                amount, currency = Decimal(read_decimal(words[0].encode())), plain_currency(check_currency(words[1]))
            except FieldError as error:
                self.refuse(each, f"{member} {str(each.value)[:64]!r}: the amount or the currency {error}")
                continue
            if amount < 0 or (amount == 0 and member == "capital"):
                self.refuse(each, f"{member} must be more than 0")
            elif currency in found:
                self.refuse(each, f"{member} has {currency} twice")
            else:
                found[currency] = amount
                meant = probably_meant(currency)
                if meant:
                    self.doubts.append((line_of(each), f"the currency {currency} is not known; do you mean {meant}?"))
        return found
