"""Reads the file with webhooks, `config/webhooks.yml`, and names the line of each error."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from trading_app.hooks.hook import MAX_HOOKS, MAX_SECRETS, NAME, Hook, Secret, read_secret
from trading_app.hooks.preset import GENERIC, PRESETS
from trading_app.intake.decode_batch import DEFAULT_ACCOUNT
from trading_app.yaml_nodes import FileError, Nodes, Problem, compose, read_text, refuse
from trading_files.mapping.nodes import Node, nearest
from trading_model.field_rules import FieldError, check_currency, check_name, check_symbol

if TYPE_CHECKING:
    from trading_files.mapping.model import Mapping

Check = Callable[[str], str]

VERSION = "1"
TOP = ("version", "hooks")
MEMBERS = ("name", "preset", "account", "accounts", "strategy", "currency", "symbols", "map", "secrets", "secret_in")
WAYS = ("path", "basic", "query")
"""Where a hook's secret may be sent: in the path, as HTTP Basic's password, as `?token=`."""


class Found(NamedTuple):
    """The hooks of a file, what is wrong with it, by line, and the mappings that it names."""

    hooks: tuple[Hook, ...] = ()
    problems: Sequence[Problem] = ()
    mappings: frozenset[Path] = frozenset()
    is_empty: bool = False


def read_file(path: Path) -> tuple[Hook, ...]:
    """The hooks of the file; none if it is missing. Raises FileError."""
    found = find_hooks(path)
    if found.problems:
        raise refuse(path, found.problems)
    return found.hooks


def find_hooks(path: Path) -> Found:
    """What the file says; `is_empty` if it is missing, too. Raises FileError if it can't be opened."""
    text = read_text(path)
    return read_hooks(text, path.parent) if text else Found(is_empty=True)


def read_hooks(text: str, folder: Path) -> Found:
    """What a file in `folder` with this text says."""
    root = compose(text)
    if root is None:
        return Found()
    if isinstance(root, tuple):
        return Found(problems=[root])
    reading = _Reading(folder)
    reading.read(root)
    return Found(tuple(reading.hooks), sorted(reading.problems), frozenset(reading.mappings))


class _Reading(Nodes):
    """The hooks found so far, and what is wrong."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self.hooks: list[Hook] = []
        self.mappings: set[Path] = set()
        self._names: set[str] = set()
        self._digests: set[bytes] = set()

    def read(self, root: Node) -> None:
        members = self.members(root, TOP, "the file", "`hooks:` and below it a list, each item with a name", TOP)
        if "version" in members and members["version"].value != VERSION:
            self.refuse(members["version"], f"version is {members['version'].value}; this app reads version {VERSION}")
        items = members.get("hooks")
        if items is None or items.value in ("", []):
            return
        if items.id != "sequence":
            self.refuse(items, "hooks must be a list: a line `- name: …` begins each item")
            return
        if len(items.value) > MAX_HOOKS:
            self.refuse(items, f"has {len(items.value)} hooks; the maximum is {MAX_HOOKS}")
            return
        for item in items.value:
            self._read_hook(item)

    def _read_hook(self, item: Node) -> None:
        before = len(self.problems)
        nodes = self.members(item, MEMBERS, "a hook", "members such as `name: bot`, `preset: freqtrade`, `secrets: …`")
        if len(self.problems) > before:
            return
        for name in ("name", "preset", "secrets"):
            if name not in nodes:
                self.refuse(item, f"{name} is missing")
        account = self._text(nodes.get("account"), check_name) or DEFAULT_ACCOUNT
        accounts = frozenset(self._texts(nodes.get("accounts"), check_name))
        hook = Hook(
            name=self._name(nodes.get("name")),
            preset=self._preset(nodes.get("preset")),
            account=account,
            strategy=self._text(nodes.get("strategy"), check_name) or "default",
            accounts=accounts | {account},
            symbols=self._symbols(nodes.get("symbols")),
            secrets=self._secrets(nodes.get("secrets")),
            currency=self._text(nodes.get("currency"), check_currency),
            ways=frozenset(self._ways(nodes.get("secret_in"))),
            mapping=self._mapping(item, nodes.get("preset"), nodes.get("map")),
            map_file=str(nodes["map"].value) if "map" in nodes else "",
        )
        if len(self.problems) == before:
            self.hooks.append(hook)

    def _name(self, node: Node) -> str:
        if node is None:
            return ""
        name = str(node.value)
        if node.id != "scalar" or NAME.fullmatch(name) is None:
            self.refuse(node, "name must be 1 to 32 of a-z 0-9 _ -, beginning with a letter or a digit")
        elif name in self._names:
            self.refuse(node, f"the name {name} is taken by a hook above")
        self._names.add(name)
        return name

    def _preset(self, node: Node) -> str:
        if node is None:
            return ""
        if node.id != "scalar" or node.value not in PRESETS:
            self.refuse(node, f"preset is not known; {nearest(str(node.value), tuple(PRESETS))}")
        return str(node.value)

    def _mapping(self, item: Node, preset: Node, file: Node) -> "Mapping | None":
        if file is None:
            if preset is not None and preset.value == GENERIC:
                self.refuse(
                    item, f"map is missing: the preset {GENERIC} needs a file with a mapping (docs/webhooks.md)"
                )
            return None
        if preset is not None and preset.value != GENERIC:
            self.refuse(file, f"map belongs to the preset {GENERIC}")
        from trading_app.hooks.mappings import read_mapping  # noqa: PLC0415 -- only where there is one

        path = self._folder / str(file.value)
        self.mappings.add(path)
        try:
            return read_mapping(path)
        except FileError as error:
            self.refuse(file, str(error))
            return None

    def _secrets(self, node: Node) -> tuple[Secret, ...]:
        secrets = list[Secret]()
        for item in _items(node):
            try:
                secret = read_secret(str(item.value))
            except ValueError as error:
                self.refuse(item, f"this entry of secrets is not valid: {error}")  # not shown: it may be a secret
                continue
            if secret.digest in self._digests:
                self.refuse(item, "this secret is another hook's, or there twice")
            self._digests.add(secret.digest)
            secrets.append(secret)
        if node is not None and not 1 <= len(_items(node)) <= MAX_SECRETS:
            self.refuse(node, f"secrets must be 1 to {MAX_SECRETS} entries; `trading-app hook rotate` makes one")
        return tuple(secrets)

    def _symbols(self, node: Node) -> dict[str, str]:
        if node is None:
            return {}
        if node.id != "mapping":
            self.refuse(node, "symbols must be lines such as `BTCUSDT.P: BTC/USDT:USDT`")
            return {}
        return {str(key.value): self._text(value, check_symbol) for key, value in node.value}

    def _ways(self, node: Node) -> tuple[str, ...]:
        for item in _items(node):
            if item.value not in WAYS:
                self.refuse(item, f"secret_in can't be {str(item.value)[:64]}; {nearest(str(item.value), WAYS)}")
        return tuple(str(item.value) for item in _items(node)) or ("path",)

    def _texts(self, node: Node, check: Check) -> list[str]:
        return [self._text(item, check) for item in _items(node)]

    def _text(self, node: Node, check: Check) -> str:
        if node is None:
            return ""
        if node.id != "scalar":
            self.refuse(node, "must be one value")
            return ""
        try:
            return check(node.value)
        except FieldError as error:
            self.refuse(node, f"{str(node.value)[:64]!r} {error}")
            return ""


def _items(node: Node) -> list[Node]:
    """The items of a list; a single value is a list of one."""
    if node is None:
        return []
    return list(node.value) if node.id == "sequence" else [node]
