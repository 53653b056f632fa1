"""Frames that are split here: as the library reads them, wherever the bytes are cut."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import CLIENT, Protocol, State
from websockets.utils import accept_key

from market_feed.intake.frame_splitter import FrameSplitter
from market_feed.intake.link import open_connection
from tests.market_feed.test_shard import until

TEXT, BYTES, FIRST, MIDDLE, LAST, PING, PONG, CLOSE = 0x81, 0x82, 0x01, 0x00, 0x80, 0x89, 0x8A, 0x88
RESERVED, UNKNOWN = 0xC1, 0x83
LENGTHS = (0, 1, 125, 126, 127, 1_000, 65_535, 65_536)


class Library:
    """What the library makes of a server's bytes."""

    def __init__(self) -> None:
        self.protocol = Protocol(CLIENT, state=State.OPEN, max_size=100_000)
        self.messages: list[bytes] = []
        self.controls: list[tuple[int, bytes]] = []
        self.passed_on = 0
        self._fragments: list[bytes] = []

    def take(self, data: bytes) -> bool:
        """Read bytes; whether the connection is open then."""
        self.passed_on += 1
        self.protocol.receive_data(data)
        for event in self.protocol.events_received():
            assert isinstance(event, Frame)
            if event.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                self.controls.append((event.opcode, bytes(event.data)))
                continue
            self._fragments.append(bytes(event.data))
            if event.fin:
                self.messages.append(b"".join(self._fragments))
                self._fragments.clear()
        return self.protocol.state is State.OPEN

    @property
    def end(self) -> tuple[State, object, object]:
        """How the connection stands."""
        return self.protocol.state, self.protocol.close_rcvd, repr(self.protocol.parser_exc)


def framed(kind: int, content: bytes, *, masked: bool = False) -> bytes:
    """A frame, by RFC 6455, 5.2."""
    size, mask = len(content), 0x80 if masked else 0
    if size < 126:
        head = bytes([kind, mask | size])
    elif size < 65_536:
        head = bytes([kind, mask | 126]) + size.to_bytes(2, "big")
    else:
        head = bytes([kind, mask | 127]) + size.to_bytes(8, "big")
    return head + (b"\0\0\0\0" if masked else b"") + content


def in_pieces(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    return [data[start:stop] for start, stop in pairwise([0, *sorted(cuts), len(data)])]


def contents(sizes: Sequence[int]) -> st.SearchStrategy[bytes]:
    return st.builds(lambda size, byte: bytes([byte]) * size, st.sampled_from(sizes), st.integers(0, 255))


messages = st.builds(framed, st.sampled_from([TEXT, BYTES]), contents(LENGTHS))
fragments = st.builds(framed, st.sampled_from([FIRST, MIDDLE, LAST]), contents(LENGTHS[:6]))
controls = st.builds(framed, st.sampled_from([PING, PONG]), contents(LENGTHS[:3]))
closes = st.just(framed(CLOSE, b"\x03\xe8"))
wrong = st.builds(framed, st.sampled_from([RESERVED, UNKNOWN, PING]), contents(LENGTHS))
masked = st.builds(lambda content: framed(TEXT, content, masked=True), contents(LENGTHS[:6]))


@given(
    st.lists(messages | messages | fragments | controls | closes | wrong | masked, max_size=12),
    st.lists(st.integers(0, 1_000_000), max_size=12),
)
@example([framed(FIRST, b"a"), framed(PING, b""), framed(LAST, b"b"), framed(TEXT, b"c")], [])
@example([framed(FIRST, b"a"), framed(TEXT, b"in another message"), framed(LAST, b"b")], [])
def test_what_comes_is_read_as_the_library_reads_it_wherever_it_is_cut(frames: list[bytes], cuts: list[int]) -> None:
    sent = b"".join(frames)
    alone, beside = Library(), Library()
    splitter = FrameSplitter(beside.take)
    for piece in in_pieces(sent, [cut % (len(sent) + 1) for cut in cuts]):
        alone.take(piece)
        splitter.feed(piece, beside.messages)
    assert beside.messages == alone.messages
    assert beside.controls == alone.controls
    assert beside.end == alone.end


def test_of_messages_that_are_whole_the_library_sees_none_and_of_the_rest_it_sees_whole_frames() -> None:
    library = Library()
    splitter = FrameSplitter(library.take)
    others = framed(PING, b"") + framed(FIRST, b"b") + framed(LAST, b"c")
    for byte in framed(TEXT, b"a" * 200) * 50 + others + framed(BYTES, b"d"):
        splitter.feed(bytes([byte]), library.messages)
    assert library.messages == [b"a" * 200] * 50 + [b"bc", b"d"]
    assert (library.controls, library.passed_on) == ([(Opcode.PING, b"")], 3)


def test_a_venue_may_answer_the_handshake_and_send_in_one_piece_or_in_many() -> None:
    begin = framed(TEXT, b"\r\n\r\n") + framed(TEXT, b"second")

    async def run(cuts: Sequence[int]) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked = await reader.readuntil(b"\r\n\r\n")
            key = next(line.split(b": ")[1] for line in asked.split(b"\r\n") if line.startswith(b"Sec-WebSocket-Key"))
            head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            answer = f"{head}Sec-WebSocket-Accept: {accept_key(key.decode())}\r\n\r\n".encode()
            for piece in in_pieces(answer + begin, [len(answer) + cut for cut in cuts]):
                writer.write(piece)
                for _ in range(5):  # the client, in the same loop, reads each by itself
                    await asyncio.sleep(0)
            writer.write(framed(TEXT, b"third"))
            await reader.read()
            writer.close()
            await writer.wait_closed()
            ended.set()

        ended = asyncio.Event()
        server = await asyncio.start_server(serve, "127.0.0.1")
        connection = await open_connection(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/", None)
        await until(lambda: len(connection.frames) == 3)
        assert connection.frames == [b"\r\n\r\n", b"second", b"third"]
        connection.transport.close()
        await connection.wait_closed()
        await ended.wait()
        server.close()
        await server.wait_closed()

    for cuts in [], [0], [-2], [1], [-20, -2, 3], [-1, 4]:
        asyncio.run(asyncio.wait_for(run(cuts), 60))
