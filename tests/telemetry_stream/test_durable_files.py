"""A file is replaced as a whole or not at all, and what could not be written takes no room."""

import errno
from pathlib import Path

import pytest

from telemetry_stream.durable_files import replacing


def test_what_could_not_be_written_leaves_the_earlier_file_and_nothing_else(tmp_path: Path) -> None:
    file, draft = tmp_path / "state", tmp_path / "state.new"
    for content in (b"first", b"second"):
        with replacing(file, draft) as written:
            written.write(content)
    with pytest.raises(OSError, match="No space"):
        write_until_the_disk_is_full(file, draft)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"state": b"second"}


def write_until_the_disk_is_full(file: Path, draft: Path) -> None:
    with replacing(file, draft) as written:
        written.write(b"part")
        written.flush()
        raise OSError(errno.ENOSPC, "No space left on device")
