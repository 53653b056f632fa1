"""Reads the items of a page each by itself: one that can't be read must not take the others with it. No I/O."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec

Item = TypeVar("Item")
Found = TypeVar("Found")

_split = msgspec.json.Decoder(list[msgspec.Raw]).decode


def decoded(body: bytes, form: type[Item]) -> list[Item]:
    """The items of a list that have a form. Raises ValueError for no list, and if there are some and none has it."""
    try:
        return msgspec.json.decode(body, type=list[form])  # type: ignore[valid-type]  # a type of its own for each form
    except msgspec.ValidationError:
        return readable(_split(body), lambda one: msgspec.json.decode(one, type=form))


def readable(items: Iterable[Item], read: Callable[[Item], Found]) -> list[Found]:
    """What `read` makes of items, without those for which it raises ValueError. Raises that if all are such."""
    found, failure = list[Found](), None
    for item in items:
        try:
            found.append(read(item))
        except ValueError as error:
            failure = error
    if failure is not None and not found:
        raise failure
    return found
