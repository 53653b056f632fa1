"""The presets by name, read from the folders here once."""

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from trading_files.mapping.load import load, load_outline
from trading_files.mapping.model import Mapping
from trading_files.mapping.nodes import nearest
from trading_files.mapping.texts import WILD
from trading_files.reading.columns import column_key

_ENDING = ".yml"


def preset(name: str) -> Mapping:
    """A preset. Raises KeyError with the nearest name."""
    if name not in names():
        raise KeyError(f"{name[:64]} is no preset; {nearest(name, names())}")
    return _read(name)


@cache
def names() -> tuple[str, ...]:
    """The names of all presets, sorted."""
    return tuple(sorted(_files()))


@cache
def outlines() -> tuple[Mapping, ...]:
    """All presets, by name, without their rules: enough to recognise a table."""
    return tuple(load_outline(_text(name), name) for name in names())


@cache
def headers() -> tuple[frozenset[str], ...]:
    """The columns by which the presets' tables are known, as `column_key` gives them: what reading looks for."""
    shapes = {
        frozenset(column_key(name) for name in shape.columns if not _is_made(name))
        for each in outlines()
        for shape in each.shapes
    }
    return tuple(sorted(shapes, key=lambda keys: (-len(keys), sorted(keys))))


@cache
def _read(name: str) -> Mapping:
    return load(_text(name), name)


def _text(name: str) -> str:
    return _files()[name].read_text("utf-8")


@cache
def _files() -> dict[str, Traversable]:
    """The file of each preset: a folder for each kind of source has them."""
    folders = (folder for folder in files(__package__).iterdir() if folder.is_dir())
    found = (file for folder in folders for file in folder.iterdir() if file.name.endswith(_ENDING))
    return {file.name.removesuffix(_ENDING): file for file in found}


def _is_made(name: str) -> bool:
    """Whether a column's name does not stand in the file's header so: a pattern, or the second of a name."""
    return WILD in name or name.endswith(" (2)")
