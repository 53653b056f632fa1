"""What a socket's monitor tells of handshakes (zmq_socket_monitor(3)), in words. No I/O."""

import struct
from collections.abc import Sequence

import zmq

SUCCEEDED = int(zmq.EVENT_HANDSHAKE_SUCCEEDED)
EVENTS = (
    SUCCEEDED
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)

UNKNOWN_KEY = "unknown_key"
OTHER_MECHANISM = "other_mechanism"
WRONG_SERVER_KEY = "wrong_server_key"
MALFORMED = "malformed_handshake"
UNFINISHED = "unfinished_handshake"
REASONS = (UNKNOWN_KEY, WRONG_SERVER_KEY, OTHER_MECHANISM, MALFORMED, UNFINISHED)


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


def advice(reason: str, public_key: bytes | None) -> str:
    """What a subscriber that was refused for this reason has to do; `public_key` is its own, None without CURVE."""
    if reason == UNKNOWN_KEY and public_key is not None:
        return f"the web app does not know this key: add {public_key.decode()} to WEBAPP_ZMQ_CLIENT_KEYS there"
    if reason == OTHER_MECHANISM and public_key is not None:
        return "the web app does not use CURVE: set WEBAPP_ZMQ_SECRET_KEY_FILE there, or no SIDECAR_ZMQ_SERVER_KEY here"
    if reason == OTHER_MECHANISM:
        return "the web app speaks CURVE only: set SIDECAR_ZMQ_SERVER_KEY and SIDECAR_ZMQ_SECRET_KEY_FILE"
    # Where one side hangs up at once, the other may not see why.
    if public_key is not None:
        return "the web app ended the handshake: is SIDECAR_ZMQ_SERVER_KEY its public key, and does it use CURVE?"
    return "what listens at WEBAPP_ZMQ_ADDR ended the handshake: is it the web app, and does it speak CURVE only?"
