"""The bytes of an HTTP response that is sent in one piece. No I/O."""

from collections.abc import Iterable
from http import HTTPStatus

from service_kit.responses import Answer

STATUS_LINES = {status.value: b"HTTP/1.1 %d %b\r\n" % (status, status.phrase.encode()) for status in HTTPStatus}

RESPONSE = b"%bcontent-length: %d\r\nx-request-id: %b\r\n\r\n%b"
"""Template of a response: start, body length, request id, body. For callers that write many with the same start."""

Fields = Iterable[tuple[bytes, bytes]]


class ResponseWriter:
    """Writes responses. The default header lines change once a second, with the date, and are rendered as often."""

    def __init__(self) -> None:
        self._default_fields: Fields | None = None
        self._common = b""

    def start(self, default_fields: Fields, status: int, content_type: bytes) -> bytes:
        """The lines that all responses with this status and content type begin with.

        `default_fields` is uvicorn's list of default headers. It is compared by identity: uvicorn replaces the list
        each second, and never changes it.
        """
        if default_fields is not self._default_fields:
            self._default_fields = default_fields
            self._common = header_lines(default_fields)
        return b"%b%bcontent-type: %b\r\n" % (STATUS_LINES[status], self._common, content_type)

    def response(self, default_fields: Fields, answer: Answer, request_id: str, *, keep_alive: bool) -> bytes:
        """The whole response."""
        start = self.start(default_fields, answer.status, answer.content_type)
        if answer.headers:
            start += header_lines(answer.headers)
        if not keep_alive:
            start += b"connection: close\r\n"
        return RESPONSE % (start, len(answer.body), request_id.encode(), answer.body)


def header_lines(fields: Fields) -> bytes:
    """Header fields as lines of a message."""
    return b"".join([b"%b: %b\r\n" % field for field in fields])
