"""Adds hooks to the file with webhooks, and rotates their secrets; comments and the order of lines stay."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from telemetry_stream.durable_files import replacing
from trading_app.hooks.file import read_hooks
from trading_app.hooks.hook import MAX_SECRETS, make_secret, read_secret
from trading_app.yaml_nodes import FileError, read_text, refuse
from trading_model.field_rules import format_timestamp

NEW = "\nversion: 1\nhooks: []\n"


def add_hook(path: Path, name: str, members: Mapping[str, Any]) -> str:
    """Add a hook, and return its secret, which is stored nowhere. Raises FileError."""
    secret, entry = make_secret()
    file = _Document(path)
    if file.find(name) is not None:
        raise FileError(f"{path}: has a hook {name}; `trading-app hook rotate {name}` makes another secret")
    file.hooks.append({"name": name, **members, "secrets": [entry]})
    file.save()
    return secret


def rotate(path: Path, name: str, until_ns: int, now_ns: int) -> str:
    """Give a hook another secret, and return it. The earlier ones are valid until then. Raises FileError."""
    secret, entry = make_secret()
    file = _Document(path)
    hook = file.find(name)
    if hook is None:
        raise FileError(f"{path}: has no hook {name}")
    given = hook["secrets"]
    entries = [str(item) for item in ([given] if isinstance(given, str) else given)]
    hook["secrets"] = [entry, *_shortened(entries, until_ns, now_ns)][:MAX_SECRETS]
    file.save()
    return secret


def _shortened(entries: Sequence[str], until_ns: int, now_ns: int) -> list[str]:
    """The entries that are valid now, with an end at `until_ns` at the latest."""
    kept = []
    for entry in entries:
        end = read_secret(entry).until_ns
        if end is not None and end <= now_ns:
            continue
        digest = entry.partition(" ")[0]
        if until_ns > now_ns:
            kept.append(f"{digest} until {format_timestamp(until_ns if end is None else min(end, until_ns))}")
    return kept


class _Document:
    """The file with its comments."""

    def __init__(self, path: Path) -> None:
        from ruamel.yaml import YAML  # noqa: PLC0415 -- only where the file is to be changed

        self._path = path
        text = read_text(path) or ""
        _check(path, text)
        self._yaml: Any = YAML()
        self._yaml.width = 1_000
        self._yaml.preserve_quotes = True
        self._yaml.indent(mapping=2, sequence=4, offset=2)
        self._root: Any = self._yaml.load(text)
        if self._root is None:
            self._root = self._yaml.load(text.rstrip() + NEW)
        if self._root.get("hooks") is None:
            self._root["hooks"] = []
        self.hooks: Any = self._root["hooks"]

    def find(self, name: str) -> Any:
        """The members of a hook; None if there is none of this name."""
        return next((hook for hook in self.hooks if str(hook["name"]) == name), None)

    def save(self) -> None:
        """Replace the file at once. Raises FileError if the app could not read it."""
        written = io.StringIO()
        self._yaml.dump(self._root, written)
        text = written.getvalue()
        _check(self._path, text)
        try:
            with replacing(self._path, self._path.with_name(f"{self._path.name}.draft")) as file:
                file.write(text.encode())
        except OSError as error:
            raise FileError(f"{self._path}: {error}") from error


def _check(path: Path, text: str) -> None:
    problems = read_hooks(text, path.parent).problems
    if problems:
        raise refuse(path, problems)
