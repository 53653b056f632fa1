"""Texts of a column that are in the ledger's form as they are written, or nearly so: read together, in little time.

A function here gives None where the texts have to be read one by one; some of them may be in that form all the same.
"""

import re
import string
from collections.abc import Callable
from datetime import datetime

import msgspec

from trading_files.mapping.numeric import PLAIN_NUMBER

ReadTexts = Callable[[list[str]], list[str] | None]

_MAX_NUMBER = 38
"""Characters up to which a number surely has no more digits than the ledger takes."""

_MAX_ID = 128
_PLAIN_ID = re.compile(rf"[A-Za-z0-9_:-]{{1,{_MAX_ID}}}", re.ASCII)
_ID_BYTES = f"{string.ascii_letters}{string.digits}_:-".encode()
_WITH_ZONE = frozenset((20, 24))
_WITHOUT_ZONE = frozenset((19, 23))
"""Lengths of times with no decimals or with three, as 2024-05-06T09:30:00.123Z and 2024-05-06 09:30:00.123."""

_FIRST_YEAR, _LAST_YEAR = "1973", "2099"

is_number = PLAIN_NUMBER.fullmatch
is_id = _PLAIN_ID.fullmatch


def numbers(texts: list[str]) -> list[str] | None:
    """The texts if each is a number: JSON has no leading zeros and no bare points either."""
    joined = ",".join(texts).encode()
    if joined.translate(None, b"0123456789.,") or max(map(len, texts)) > _MAX_NUMBER:
        return None
    try:
        return texts if len(_decode_floats(b"[" + joined + b"]")) == len(texts) else None
    except msgspec.DecodeError:
        return None


def ids(texts: list[str]) -> list[str] | None:
    """The texts if each is an id of letters and digits."""
    is_plain = not "".join(texts).encode().translate(None, _ID_BYTES) and max(map(len, texts)) <= _MAX_ID
    return texts if is_plain else None


def times(texts: list[str]) -> list[str] | None:
    """RFC 3339 in UTC of times that are so, with no decimals or three, which are dropped if they are all 0."""
    if not _WITH_ZONE.issuperset(map(len, texts)):
        return None
    texts = [f"{text[:19]}Z" if text.endswith(".000Z") else text for text in texts]
    joined = '","'.join(texts)
    if joined.count("T") < len(texts) or joined.count("Z") < len(texts):
        return None
    try:
        found = _decode_times(b'["' + joined.encode() + b'"]')
    except msgspec.DecodeError:
        return None
    is_usual = len(found) == len(texts) and min(texts)[:4] >= _FIRST_YEAR and max(texts)[:4] <= _LAST_YEAR
    return texts if is_usual else None


def times_in_utc(texts: list[str]) -> list[str] | None:
    """RFC 3339 in UTC of times whose zone may be missing, which is UTC then; else as `times`."""
    if _WITHOUT_ZONE.issuperset(map(len, texts)) and {text[10] for text in texts} <= {" ", "T"}:
        texts = [f"{text[:10]}T{text[11:]}Z" for text in texts]
    return times(texts)


_decode_floats = msgspec.json.Decoder(list[float]).decode
_decode_times = msgspec.json.Decoder(list[datetime]).decode
