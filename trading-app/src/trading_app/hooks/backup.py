"""The webhooks' part of a backup: their file, the mappings that it names, and the messages kept. One zip file.

It stands beside the copy of the journal, and is made only where there is something to copy.
"""

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from trading_app.hooks.file import read_file
from trading_app.hooks.hook import NAME
from trading_app.hooks.kept import FOLDER, ID, WAITING_FOLDER
from trading_app.yaml_nodes import FileError

HOOKS_FILE, MAPS = "webhooks.yml", "maps/"
FOLDERS = {"messages/": FOLDER, "waiting/": WAITING_FOLDER}
"""Where messages are in the zip file, and below DATA_DIR."""

MAX_BYTES = 512 * 1024 * 1024
"""Maximum size of what a zip file may hold: all hooks with all messages, and a mapping each."""


def beside(copy: Path) -> Path:
    """The zip file that belongs to a copy of the journal."""
    return copy.with_name(f"{copy.name}.hooks.zip")


@contextmanager
def backing_up(hooks_file: Path, data_folder: Path, copy: Path) -> Iterator[Path | None]:
    """Make the zip file beside the copy of the journal, which is made inside the context. Raises FileError, OSError.

    Gives the zip file's path, where it is at the end of the context; None if there is nothing to copy. The messages are
    read first: one that is taken into the journal meanwhile is then in both copies, and else could be in none.
    """
    found = dict(_found(hooks_file, data_folder))
    if not found:
        yield None
        return
    file, unfinished = beside(copy), beside(copy).with_suffix(".unfinished")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # messages name accounts
    try:
        with os.fdopen(descriptor, "wb") as target:
            with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
                for name, path in found.items():
                    _pack(packed, name, path)
            target.flush()
            os.fsync(target.fileno())
        yield file
        unfinished.rename(file)
    finally:
        unfinished.unlink(missing_ok=True)


def _pack(packed: zipfile.ZipFile, name: str, path: Path) -> None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        if name.startswith(tuple(FOLDERS)):
            return  # taken or dropped since the folder was listed
        raise
    packed.writestr(name, content)


def restore(hooks_file: Path, data_folder: Path, copy: Path) -> tuple[list[Path], list[Path]]:
    """Put back what is missing from the zip file beside a copy, if there is one; what is there stays.

    Returns what was written, and what was there. Raises FileError, OSError.
    """
    written, there = list[Path](), list[Path]()
    if not beside(copy).exists():
        return written, there
    try:
        with zipfile.ZipFile(beside(copy)) as packed:
            if sum(entry.file_size for entry in packed.infolist()) > MAX_BYTES:
                raise FileError(f"{beside(copy)} holds more than {MAX_BYTES // 2**20} MiB: it is no backup of webhooks")
            for name in packed.namelist():
                path = _place(name, hooks_file, data_folder)
                if path.exists():
                    there.append(path)
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(packed.read(name))
                written.append(path)
    except zipfile.BadZipFile as error:
        raise FileError(f"{beside(copy)}: {error}") from None
    return written, there


def _found(hooks_file: Path, data_folder: Path) -> Iterator[tuple[str, Path]]:
    if hooks_file.exists():
        yield HOOKS_FILE, hooks_file
        for hook in read_file(hooks_file):
            # A mapping elsewhere is not ours to put back.
            if hook.map_file and not _leads_out(hook.map_file):
                yield f"{MAPS}{hook.map_file}", hooks_file.parent / hook.map_file
    for packed, folder in FOLDERS.items():
        for path in sorted((data_folder / folder).glob("*/*.json")):
            if ID.fullmatch(path.stem) and NAME.fullmatch(path.parent.name):
                yield f"{packed}{path.parent.name}/{path.name}", path


def _place(name: str, hooks_file: Path, data_folder: Path) -> Path:
    """Where an entry belongs. Raises FileError for one that `back_up` does not make."""
    if name == HOOKS_FILE:
        return hooks_file
    if name.startswith(MAPS) and not _leads_out(name[len(MAPS) :]):
        return hooks_file.parent / name[len(MAPS) :]
    for packed, folder in FOLDERS.items():
        hook, _, file = name.removeprefix(packed).partition("/")
        if name.startswith(packed) and NAME.fullmatch(hook) and ID.fullmatch(file.removesuffix(".json")):
            return data_folder / folder / hook / file
    raise FileError(f"{name!r} is no part of a backup of webhooks")


def _leads_out(name: str) -> bool:
    path = PurePosixPath(name)
    return not name or path.is_absolute() or ".." in path.parts
