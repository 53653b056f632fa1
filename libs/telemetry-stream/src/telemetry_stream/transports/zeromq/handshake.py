"""A socket monitor's events about handshakes (zmq_socket_monitor(3)), as words. No I/O."""

import struct
from collections.abc import Sequence

import zmq

from telemetry_stream.refusals import MALFORMED, OTHER_MECHANISM, UNFINISHED, UNKNOWN_KEY, WRONG_SERVER_KEY

SUCCEEDED = int(zmq.EVENT_HANDSHAKE_SUCCEEDED)
EVENTS = (
    SUCCEEDED
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)


def read_event(frames: Sequence[bytes]) -> tuple[int, int]:
    """An event's number and its value: a file descriptor, an error number, or a ZAP status."""
    event, value = struct.unpack("=Hi", frames[0])
    return event, value


def refusal(event: int, value: int) -> str | None:
    """Why a handshake failed, as a short, stable word for counters; None where the event says no such thing."""
    if event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
        return UNKNOWN_KEY
    if event == zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        return UNFINISHED
    if event == zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL:
        known = {
            int(zmq.PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH): OTHER_MECHANISM,
            int(zmq.PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC): WRONG_SERVER_KEY,
        }
        return known.get(value, MALFORMED)
    return None
