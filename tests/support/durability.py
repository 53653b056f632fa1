"""Which files are synced and renamed, in order. The calls are the real ones; Linux only, which names an open file."""

import os
from pathlib import Path

import pytest

names_open_files = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the system names no open files")


def noted_calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows by `sync NAME` and `rename NAME NAME` with each such call from now on."""
    noted = list[str]()
    sync, replace, rename = os.fsync, os.replace, os.rename

    def note_sync(descriptor: int) -> None:
        noted.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink().name}")
        sync(descriptor)

    def note_rename(source: Path | str, target: Path | str) -> None:
        noted.append(f"rename {Path(source).name} {Path(target).name}")
        (rename if Path(source).is_dir() else replace)(source, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "replace", note_rename)
    monkeypatch.setattr(os, "rename", note_rename)
    return noted
