"""Which names an app without a credential answers to."""

import pytest

from service_kit.access.hosts import HOST_OF_A_CONTAINER, OwnHosts


@pytest.mark.parametrize(
    "header",
    [
        b"", b"localhost", b"LocalHost:8000", b"desk.localhost:8000", b"127.0.0.1", b"127.0.0.1:1", b"127.8.9.10:8000",
        b"[::1]", b"[::1]:8000", b"localhost:",
    ],
)  # fmt: skip
def test_loopback_names_and_a_missing_host_are_accepted(header: bytes) -> None:
    assert OwnHosts().include(header)


@pytest.mark.parametrize(
    "header",
    [
        b"evil.example", b"evil.example:8000", b"127.0.0.1.evil.example", b"localhost.evil.example", b"evillocalhost",
        b".evil.example:8000", b"127.0.0.1:80:80", b"127.0.0.1@evil.example", b"evil.example#localhost", b"0.0.0.0",
        b"localhost, evil.example", b"[::1", b"::1", b"[]", b"[::1].evil.example", b":8000", b" ", b"\xff",
        b"2130706433", b"10.0.0.1", b"[::]:8000", b"x" * 60_000, HOST_OF_A_CONTAINER.encode(), b"desk.example",
    ],
)  # fmt: skip
def test_other_names_are_foreign(header: bytes) -> None:
    assert not OwnHosts().include(header)
    assert not OwnHosts("").include(header), "a setting without a value adds no name"


def test_configured_names_are_accepted_with_any_port() -> None:
    hosts = OwnHosts("Desk.example:8443", "", HOST_OF_A_CONTAINER)
    assert all(
        map(hosts.include, (b"desk.example", b"desk.EXAMPLE:8443", b"desk.example:1", b"host.docker.internal:80"))
    )
    assert not any(map(hosts.include, (b"www.desk.example", b"desk.example.evil", b"example")))
