"""JSON objects as cells: members of members as "fee.cost", items as "fees.0.cost"; numbers with the digits of the text.

Members that are null or empty are missing. true and false are "true" and "false".
"""

import json
from collections.abc import Mapping
from typing import Any

from trading_files.errors import FileRefused

Cells = dict[str, str]

_MAX_DEPTH = 32


class RepeatedName(ValueError):
    """An object has two members of one name."""


def flatten(record: Mapping[str, Any]) -> Cells:
    """The cells of a decoded object. For numbers with all their digits, decode with `parse_float=str, parse_int=str`.

    Raises FileRefused if it is nested more than 32 deep.
    """
    cells: Cells = {}
    for name, value in record.items():
        _put(cells, name, value, 1)
    return cells


def flat_decoder() -> json.JSONDecoder:
    """A decoder that gives each object as its cells. Decoding raises RepeatedName and RecursionError too."""
    return json.JSONDecoder(object_pairs_hook=_cells, parse_float=str, parse_int=str, parse_constant=str)


def plain_text(value: object) -> str:
    """A value that is neither an object nor a list."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value).strip()
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _cells(pairs: list[tuple[str, Any]]) -> Cells:
    cells: Cells = {}
    for name, value in pairs:
        _put(cells, name, value, 1)
    if len(cells) < len(pairs) and len(dict(pairs)) < len(pairs):
        names = [name for name, _ in pairs]
        raise RepeatedName(next(name for name in names if names.count(name) > 1))
    return cells


def _put(cells: Cells, name: str, value: Any, depth: int) -> None:
    if isinstance(value, str) and value.isascii():
        if text := value.strip():
            cells[name] = text
    elif depth > _MAX_DEPTH:
        raise FileRefused(f"the file nests objects more than {_MAX_DEPTH} deep")
    elif isinstance(value, Mapping):
        for inner, one in value.items():
            _put(cells, f"{name}.{inner}", one, depth + 1)
    elif isinstance(value, list | tuple):
        for number, one in enumerate(value):
            _put(cells, f"{name}.{number}", one, depth + 1)
    elif value is not None and (text := plain_text(value)):
        cells[name] = text
