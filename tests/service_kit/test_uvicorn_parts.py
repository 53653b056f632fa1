"""The parts of uvicorn and httptools that are not their public interface, and that the guarded connection builds on.

If a new version misses one, this test fails and names it, before a request does.
"""

import asyncio
import inspect

import httptools
import pytest
import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import Server, ServerState

METHODS = {
    HttpToolsProtocol: (
        "connection_made connection_lost data_received pause_writing resume_writing shutdown on_message_begin on_header"
        " on_url on_headers_complete on_body on_message_complete on_response_complete"
    ),
    RequestResponseCycle: "run_asgi send receive",
    FlowControl: "drain pause_reading resume_reading pause_writing resume_writing",
    Server: "startup on_tick shutdown capture_signals serve",
}
ATTRIBUTES = {
    "connection": (
        "parser transport flow client pipeline scope headers cycle expect_100_continue timeout_keep_alive loop"
        " connections server_state"
    ),
    "cycle": (
        "scope transport flow default_headers message_event disconnected keep_alive response_started response_complete"
        " on_response body send"
    ),
    "flow": "read_paused write_paused",
    "state": "connections tasks total_requests default_headers",
    "server": "server_state should_exit force_exit started config",
}


async def _app(scope: object, receive: object, send: object) -> None: ...


def made() -> dict[str, object]:
    """One of each, as uvicorn makes them."""
    config = uvicorn.Config(_app, log_config=None, ws="none")
    config.load()
    state = ServerState()
    loop = asyncio.new_event_loop()
    connection = HttpToolsProtocol(config, state, {}, loop)
    names = inspect.signature(RequestResponseCycle).parameters
    cycle = RequestResponseCycle(**dict.fromkeys(names))  # type: ignore[arg-type]  # nothing of it is used
    flow = FlowControl(asyncio.Transport())
    loop.close()
    return {"connection": connection, "cycle": cycle, "flow": flow, "state": state, "server": Server(config)}


@pytest.mark.parametrize("owner", METHODS, ids=lambda owner: owner.__name__)
def test_the_methods_that_are_overridden_or_called_are_there(owner: type) -> None:
    missing = [name for name in METHODS[owner].split() if not callable(getattr(owner, name, None))]
    assert not missing, f"uvicorn's {owner.__name__} has no {', '.join(missing)} any more: see service_kit.connection"


@pytest.mark.parametrize("owner", ATTRIBUTES)
def test_the_attributes_that_are_read_or_set_are_there(owner: str) -> None:
    missing = [name for name in ATTRIBUTES[owner].split() if not hasattr(made()[owner], name)]
    assert not missing, f"uvicorn's {owner} has no {', '.join(missing)} any more: see service_kit.connection"


def test_a_queue_of_requests_is_a_pair_of_cycle_and_app_from_the_right() -> None:
    source = inspect.getsource(HttpToolsProtocol)
    assert "self.pipeline.appendleft((self.cycle, app))" in source
    assert "cycle, app = self.pipeline.pop()" in source


def test_the_parser_reports_upgrades_with_the_offset_and_takes_a_leniency() -> None:
    class Receiver:
        pass

    parser = httptools.HttpRequestParser(Receiver())
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    head = b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"
    with pytest.raises(httptools.HttpParserUpgrade) as raised:
        parser.feed_data(head + b"rest")
    assert raised.value.args == (len(head),)
    assert parser.should_upgrade()
