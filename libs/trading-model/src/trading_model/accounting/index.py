"""Finds what was said of a position or a symbol, though symbols may come to mean others. No I/O."""

from collections.abc import Callable, Collection, Hashable, Iterable
from typing import Generic, TypeVar

from trading_model.instruments import Instruments

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")


class Index(Generic[Key, Item]):
    """Items by keys that depend on what the instruments say of symbols.

    The first question after a change of an instrument builds the index again, which takes as long as there are items.
    """

    def __init__(self, instruments: Instruments, keys_of: Callable[[Item], Iterable[Key]]) -> None:
        """`keys_of` gives the keys under which an item is found now."""
        self._instruments = instruments
        self._keys_of = keys_of
        self._items: dict[Hashable, Item] = {}
        self._found: dict[Key, dict[Hashable, Item]] = {}
        self._made_at = instruments.changes

    def put(self, name: Hashable, item: Item) -> None:
        """Add an item, or replace the one of this name by one with the same keys."""
        self._items[name] = item
        if self._made_at == self._instruments.changes:
            self._add(name, item)

    def remove(self, name: Hashable) -> None:
        """Remove the item of this name, if there is one."""
        item = self._items.pop(name, None)
        if item is not None and self._made_at == self._instruments.changes:
            for key in self._keys_of(item):
                self._found[key].pop(name, None)

    def of(self, key: Key) -> Collection[Item]:
        """The items of a key, in the order in which they were put."""
        if self._made_at != self._instruments.changes:
            self._made_at = self._instruments.changes
            self._found = {}
            for name, item in self._items.items():
                self._add(name, item)
        return self._found.get(key, {}).values()

    def _add(self, name: Hashable, item: Item) -> None:
        for key in self._keys_of(item):
            self._found.setdefault(key, {})[name] = item
