"""Messages that are not of the wire contract: random ones, and recorded ones that were changed."""

import random
import re
from collections.abc import Callable, Sequence

Frames = list[bytes]

HOSTILE_VALUES = (
    *(b"0", b"-1", b"1e300", b"true", b"null", b'""', b"[]", b"1.5", b"9" * 400, b"2", b"18446744073709551616"),
    *(b'"\\ud800"', b'"\xff\xfe"', b"[" * 500, b'{"a":' * 300, b'"' + b"x" * 3_000 + b'"', b"NaN", b"-0", b"01"),
)
_VALUE = re.compile(rb":(\"[^\"]*\"|-?\d+)")


def random_message(chance: random.Random) -> Frames:
    """Frames of random bytes, now and then many of them."""
    count = chance.choice((1, 1, 2, 3, 4, chance.randrange(5, 60)))
    return [chance.randbytes(chance.choice((0, 1, 40, chance.randrange(2_000)))) for _ in range(count)]


def mutated(recorded: Sequence[bytes], chance: random.Random) -> Frames:
    """The message with one to three changes."""
    frames = list(recorded)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        frames = chance.choice(_CHANGES)(frames, chance) or [b""]
    return frames


def _flip(frames: Frames, chance: random.Random) -> Frames:
    def flipped(frame: bytes) -> bytes:
        place = chance.randrange(len(frame))
        return frame[:place] + bytes([frame[place] ^ 1 << chance.randrange(8)]) + frame[place + 1 :]

    return _change_one(frames, chance, flipped)


def _cut(frames: Frames, chance: random.Random) -> Frames:
    return _change_one(frames, chance, lambda frame: frame[: chance.randrange(len(frame))])


def _double(frames: Frames, chance: random.Random) -> Frames:
    return _change_one(frames, chance, lambda frame: (frame + frame)[:4_000])


def _replace_value(frames: Frames, chance: random.Random) -> Frames:
    def replaced(frame: bytes) -> bytes:
        values = list(_VALUE.finditer(frame))
        if not values:
            return frame + b"}"
        value = chance.choice(values)
        return frame[: value.start(1)] + chance.choice(HOSTILE_VALUES) + frame[value.end(1) :]

    return _change_one(frames, chance, replaced)


def _drop_frame(frames: Frames, chance: random.Random) -> Frames:
    place = chance.randrange(len(frames))
    return frames[:place] + frames[place + 1 :]


def _repeat_frame(frames: Frames, chance: random.Random) -> Frames:
    place = chance.randrange(len(frames))
    return frames[:place] + [frames[place]] * chance.choice((2, 2, 3, 30)) + frames[place + 1 :]


def _swap_frames(frames: Frames, chance: random.Random) -> Frames:
    return chance.sample(frames, len(frames))


def _change_one(frames: Frames, chance: random.Random, change: Callable[[bytes], bytes]) -> Frames:
    places = [place for place, frame in enumerate(frames) if frame]
    if places:
        place = chance.choice(places)
        frames[place] = change(frames[place])
    return frames


_CHANGES: tuple[Callable[[Frames, random.Random], Frames], ...] = (
    *(_flip, _flip, _cut, _double, _replace_value, _replace_value, _replace_value),
    *(_drop_frame, _repeat_frame, _swap_frames),
)
