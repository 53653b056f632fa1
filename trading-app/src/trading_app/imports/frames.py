"""What the app and the child process that reads a file say to each other: frames of MessagePack with their length.

The child asks (`Call`), reports (`Step`) and ends with `Done` or `Failed`; the app answers a Call with an Answer.
"""

import msgspec

from trading_app.imports.options import Options

FILE, OPTIONS = "file", "options.json"
"""What the app puts into the folder of the child: the uploaded file, and a Given as JSON."""

LENGTH_BYTES = 4
MAX_FRAME_BYTES = 64 * 1024 * 1024


class Given(msgspec.Struct):
    """What the child has to know besides the file: its name, and what the user said."""

    name: str
    options: Options


class Call(msgspec.Struct, tag=True):
    """A call of the app's API."""

    method: str
    path: str
    body: bytes
    content_type: str


class Step(msgspec.Struct, tag=True):
    """How far the child is."""

    step: str
    rows: int


class Done(msgspec.Struct, tag=True):
    """The child has done what it was started for: the plan or the result, as JSON."""

    document: bytes


class Failed(msgspec.Struct, tag=True):
    """The child can't do it; the message is for people. `is_input` says whether that is because of what was given."""

    message: str
    is_input: bool


Said = Call | Step | Done | Failed


class CallAnswer(msgspec.Struct):
    """The answer to a Call."""

    status: int
    body: bytes
    retry_after: float = 0.0


def encode(frame: Said | CallAnswer) -> bytes:
    """A frame with its length in front."""
    content = _encode(frame)
    return len(content).to_bytes(LENGTH_BYTES, "big") + content


decode_said = msgspec.msgpack.Decoder(Said).decode
decode_answer = msgspec.msgpack.Decoder(CallAnswer).decode
_encode = msgspec.msgpack.Encoder().encode
