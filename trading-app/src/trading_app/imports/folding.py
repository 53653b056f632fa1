"""The figures of a file whose rows are in the order of time, computed while it is being read: in a process of its own,
so that both work at once.

`python -m trading_app.imports.folding` is that process. It gets frames of MessagePack, each with its length in front: a
list of events that come before the file's, then lists of fills, then an empty list. It answers with the figures.
"""

import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from typing import BinaryIO

import msgspec

from trading_app.imports.figures import FileFigures, fold

LENGTH_BYTES = 4


Block = tuple[list[str], bytes]
"""The times of some fills as texts that sort, and the fills as MessagePack."""


def fold_apart(said: Sequence[bytes], blocks: Iterable[Block]) -> FileFigures | None:
    """What `fold` gives for the fills of all blocks, computed by another process.

    None if a fill is before one that was said earlier, or if the process ended for another reason.
    """
    with suppress(OSError, msgspec.DecodeError, _Unordered), _process() as process:
        assert process.stdin is not None, "it is a pipe"
        assert process.stdout is not None, "it is a pipe"
        try:
            for content in chain((_encode(said),), _ordered(blocks), (_encode(()),)):
                process.stdin.write(len(content).to_bytes(LENGTH_BYTES, "big") + content)
            process.stdin.flush()
            return _decode_figures(process.stdout.read())
        finally:
            process.kill()
    return None


def _process() -> subprocess.Popen[bytes]:
    """The other process. Raises OSError.

    It takes no modules from the folder that the user is in (-P). It has a session of its own, so that Ctrl-C reaches
    only this process, which then ends the other one.
    """
    command = [sys.executable, "-P", "-m", "trading_app.imports.folding"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)


class _Unordered(Exception):
    """The fills are not in the order of time."""


def _ordered(blocks: Iterable[Block]) -> Iterator[bytes]:
    latest = ""
    for ats, lines in blocks:
        if latest > ats[0] or ats != sorted(ats):
            raise _Unordered
        latest = ats[-1]
        yield lines


def _read(source: BinaryIO) -> list[bytes]:
    """The next list. Raises EOFError if the other side ended before it."""
    size = int.from_bytes(source.read(LENGTH_BYTES), "big")
    content = source.read(size)
    if not size or len(content) < size:
        raise EOFError
    return _decode_block(content)


def main() -> int:
    """The process. Exit code 0 once it has said the figures, 1 if nobody wants them."""
    try:
        said = _read(sys.stdin.buffer)
        figures = fold(said, chain.from_iterable(iter(lambda: _read(sys.stdin.buffer), [])))
    except EOFError:
        return 1
    sys.stdout.buffer.write(_encode(figures))
    sys.stdout.buffer.flush()
    return 0


_encode = msgspec.msgpack.Encoder().encode
_decode_block = msgspec.msgpack.Decoder(list[bytes]).decode
_decode_figures = msgspec.msgpack.Decoder(FileFigures).decode

if __name__ == "__main__":
    sys.exit(main())
