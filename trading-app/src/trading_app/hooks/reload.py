"""The file with webhooks while the app serves: looks for changes, and puts what it says in force.

A change is taken once the file has been the same at two checks, so that one that is just being written is not read. A
file that can't be used changes nothing: the hooks read before stay in force.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import structlog

from trading_app.hooks.file import find_hooks
from trading_app.hooks.hook import Hook
from trading_app.yaml_nodes import FileError, refuse

log = structlog.get_logger(__name__)

CHECK_SECONDS = 1.0

Mark = tuple[int, ...]
"""Differs once a file was changed or another one stands in its place."""

Marks = dict[Path, Mark]


class HooksFile:
    """The file with webhooks, and the mappings that it names."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files: frozenset[Path] = frozenset((path,))
        self._read: Marks = {}
        self._seen: Marks = {}

    def read(self) -> tuple[Hook, ...]:
        """The hooks of the file; none if it is missing. Raises FileError."""
        return self._find() or ()

    def changes(self) -> tuple[Hook, ...] | None:
        """The hooks of a file that was changed since it was read; None if it was not, or may be changing now.

        Raises FileError, once for each change, if it can't be used. A missing or an empty file can't: a program that
        replaces it badly leaves one, and nobody wants to lose all hooks by that.
        """
        marks = self._marks()
        has_settled, self._seen = marks == self._seen, marks
        if not has_settled or marks == self._read:
            return None
        found = self._find()
        if found is None:
            raise FileError(f"{self._path}: is missing or empty; to have no hooks, write `hooks: []`")
        return found

    def _find(self) -> tuple[Hook, ...] | None:
        """The hooks; None if the file is missing or empty. Raises FileError."""
        # The marks are from before the reading: what changes meanwhile differs from them at the next check.
        self._read = self._marks()
        found = find_hooks(self._path)
        files = frozenset((self._path, *found.mappings))
        if files != self._files:
            self._files, self._read = files, {}  # unknown: it is read again at the next check
        if found.problems:
            raise refuse(self._path, found.problems)
        return None if found.is_empty else found.hooks

    def _marks(self) -> Marks:
        return {file: _mark(file) for file in self._files}


def _mark(file: Path) -> Mark:
    try:
        found = file.stat()
    except OSError as error:
        return (error.errno or 0,)
    except ValueError:  # no path can have such a name
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


async def follow(
    file: HooksFile,
    in_force: Callable[[], Mapping[str, Hook]],
    take: Callable[[Sequence[Hook]], Awaitable[None]],
    note_refused: Callable[[bool], object],
) -> None:
    """Take each change of the file, without end. `in_force` returns the hooks of now, by name."""
    while True:
        await asyncio.sleep(CHECK_SECONDS)
        try:
            hooks = await asyncio.to_thread(file.changes)
        except FileError as error:
            note_refused(True)
            log.error("the file with webhooks can't be used; the hooks read before stay in force", reason=str(error))
            continue
        if hooks is None:
            continue
        note_refused(False)
        before, after = in_force(), {hook.name: hook for hook in hooks}
        if before == after:
            continue
        await take(hooks)
        log.info(
            "the file with webhooks has changed",
            added=sorted(after.keys() - before.keys()),
            removed=sorted(before.keys() - after.keys()),
            changed=sorted(name for name in before.keys() & after.keys() if before[name] != after[name]),
        )
