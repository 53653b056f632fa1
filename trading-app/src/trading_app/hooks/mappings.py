"""The mappings by which messages are read: of the presets, and of the user, in the language of `trading_files.mapping`.

A message has one member more than was sent, `received_at`. Imported only where there are hooks: it takes a while.
"""

from functools import cache
from importlib.resources import files
from pathlib import Path

from trading_app.yaml_nodes import FileError, read_text
from trading_files.errors import MappingRefused
from trading_files.mapping.load import load
from trading_files.mapping.model import Mapping as FileMapping


@cache
def shipped_mapping(name: str) -> FileMapping:
    """The mapping of a preset."""
    text = (files(__package__) / "presets" / f"{name}.yml").read_text(encoding="utf-8")
    return load(text, name)


def read_mapping(path: Path) -> FileMapping:
    """A mapping of the user. Raises FileError."""
    text = read_text(path)
    if text is None:
        raise FileError(f"{path}: there is no such file")
    return parse_mapping(text, str(path))


def parse_mapping(text: str, name: str) -> FileMapping:
    """The mapping that a text says; `name` is that of its file. Raises FileError."""
    try:
        mapping = load(text, name)
    except MappingRefused as error:
        raise FileError(str(error)) from None
    if mapping.group is not None:
        raise FileError(f"{name}: group is for the rows of a file; a message is one row")
    return mapping
