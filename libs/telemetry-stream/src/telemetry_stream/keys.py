"""The keys with which a stream's two sides know each other: how they are written, and the files they are in.

Written as Z85 (https://rfc.zeromq.org/spec/32/), 40 characters a key. A secret key is in a file of its own, which only
its owner may read; public keys are settings.
"""

import os
import stat
from pathlib import Path

from telemetry_stream.errors import UnusableKey

KEY_CHARACTERS = 40
_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_GROUP = 5
"""Characters that stand for four bytes together."""


def is_key(written: str) -> bool:
    """Whether that is a key in Z85: 40 characters, each five of which are a number below 2³² in base 85."""
    if len(written) != KEY_CHARACTERS or not _VALUES.keys() >= set(written):
        return False
    groups = (written[start : start + _GROUP] for start in range(0, KEY_CHARACTERS, _GROUP))
    return all(_number(group) < 2**32 for group in groups)


def _number(group: str) -> int:
    number = 0
    for character in group:
        number = number * len(_ALPHABET) + _VALUES[character]
    return number


def read_secret_key(file: Path) -> bytes:
    """The secret key in a file. Raises UnusableKey."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise UnusableKey(f"{file} can't be read ({error.strerror}); trading-app zmq-keys {file} makes one") from None
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise UnusableKey(f"{file} is not a file")
        if mode & 0o077:
            raise UnusableKey(f"{file} is open to others (mode {mode & 0o777:o}): chmod 600 {file}")
        written = os.read(descriptor, KEY_CHARACTERS + 2).strip()
    finally:
        os.close(descriptor)
    if not is_key(written.decode("latin-1")):
        raise UnusableKey(f"{file} does not hold a key of {KEY_CHARACTERS} characters; trading-app zmq-keys makes one")
    return written


def write_secret_key(file: Path, secret: bytes) -> None:
    """Write a secret key to a new file with mode 600. Raises OSError."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(secret + b"\n")
