"""Settings: empty means the default, and a value that can't be used is refused with its key."""

from collections.abc import Callable
from pathlib import Path

import pytest

from service_kit.settings import (
    Environment,
    SettingError,
    is_loopback,
    is_loopback_address,
    load_environment,
    project_root,
)

ROOT = Path("/project")
ADDRESS = "tcp://127.0.0.1:5555"

READERS: dict[str, Callable[[Environment], object]] = {
    "text": lambda environment: environment.text("KEY", "default"),
    "integer": lambda environment: environment.integer("KEY", 7, minimum=1, maximum=100),
    "seconds": lambda environment: environment.seconds("KEY", 1.5, minimum=0, maximum=60),
    "choice": lambda environment: environment.choice("KEY", "INFO", ("DEBUG", "INFO")),
    "words": lambda environment: environment.words("KEY"),
    "folder": lambda environment: environment.folder("KEY", "./data"),
    "port": lambda environment: environment.port("KEY", 8000),
    "address": lambda environment: environment.address("KEY", ADDRESS),
}
DEFAULTS = {
    "text": "default",
    "integer": 7,
    "seconds": 1.5,
    "choice": "INFO",
    "words": (),
    "folder": Path("/project/data"),
    "port": 8000,
    "address": ADDRESS,
}


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("values", [{}, {"KEY": ""}, {"KEY": " \t"}], ids=["not set", "empty", "blank"])
def test_a_missing_or_empty_setting_has_its_default(kind: str, values: dict[str, str]) -> None:
    assert READERS[kind](Environment(values, ROOT)) == DEFAULTS[kind]


@pytest.mark.parametrize(
    ("kind", "written", "value"),
    [
        ("text", " two words ", "two words"),
        ("integer", "1", 1),
        ("integer", "100", 100),
        ("integer", "007", 7),
        ("seconds", "0", 0.0),
        ("seconds", "0.25", 0.25),
        ("seconds", "60", 60.0),
        ("choice", "debug", "DEBUG"),
        ("choice", " Info ", "INFO"),
        ("words", "a", ("a",)),
        ("words", " a , ,b,", ("a", "b")),
        ("folder", "here/../there", Path("/project/there")),
        ("folder", "/else/where", Path("/else/where")),
        ("port", "65535", 65535),
        ("address", "tcp://*:1", "tcp://*:1"),
        ("address", "tcp://[::1]:65535", "tcp://[::1]:65535"),
        ("address", "ipc:///tmp/stream", "ipc:///tmp/stream"),
    ],
)
def test_a_value_is_read(kind: str, written: str, value: object) -> None:
    assert READERS[kind](Environment({"KEY": written}, ROOT)) == value


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        *(("integer", written) for written in ["0", "101", "-1", "+5", "1.0", "1e1", "ten", "0x10", "²", "٣", "1_0"]),
        ("integer", "9" * 5_000),
        *(("seconds", written) for written in ["-0.1", "60.1", "nan", "inf", "-inf", "1 s", "1,5", "1e999"]),
        *(("choice", written) for written in ["TRACE", "DEBUG,INFO", "0"]),
        *(("port", written) for written in ["0", "65536", "http", "-1", "²"]),
        *(
            ("address", written)
            for written in [
                "5555",
                "127.0.0.1:5555",
                "tcp://127.0.0.1",
                "tcp://127.0.0.1:",
                "tcp://:5555",
                "tcp://127.0.0.1:0",
                "tcp://127.0.0.1:65536",
                "tcp://127.0.0.1:²",
                "tcp://127.0.0.1:" + "9" * 5_000,
                "http://127.0.0.1:5555",
                "ipc://",
                "://",
            ]
        ),
    ],
)
def test_an_invalid_value_is_refused_with_its_key(kind: str, written: str) -> None:
    with pytest.raises(SettingError, match=r"^KEY=.* needed$"):
        READERS[kind](Environment({"KEY": written}, ROOT))


def test_the_process_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# a remark\nFROM_FILE=file\nBOTH=file\nEMPTIED=file\nQUOTED='a b'\nBARE\n")
    environment = load_environment({"BOTH": "process", "EMPTIED": ""}, tmp_path)
    assert environment.text("FROM_FILE", "default") == "file"
    assert environment.text("BOTH", "default") == "process"
    assert environment.text("EMPTIED", "default") == "default"
    assert environment.text("QUOTED", "default") == "a b"
    assert environment.text("BARE", "default") == "default"


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (b'A=1\nTOKENS="s3cret\nB=2\n', r"^\.env, line 2: NAME=value is needed"),
        (b"A=1\n\n# remark\na s3cret remark\n", r"^\.env, line 4: NAME=value is needed"),
        (b"A=s3cret\xff\n", r"^\.env is not UTF-8 text$"),
    ],
    ids=["unclosed-quote", "remark", "latin-1"],
)
def test_a_file_that_cannot_be_read_is_refused_without_its_text(tmp_path: Path, written: bytes, reason: str) -> None:
    (tmp_path / ".env").write_bytes(written)
    with pytest.raises(SettingError, match=reason) as refused:
        load_environment({}, tmp_path)
    assert "s3cret" not in str(refused.value)


def test_a_file_of_windows_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfA=1\r\nB=2\r\n")
    environment = load_environment({}, tmp_path)
    assert (environment.text("A", ""), environment.text("B", "")) == ("1", "2")


def test_a_value_in_the_file_is_read_literally(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME_OF_SECRETS", "leaked")
    (tmp_path / ".env").write_text("TOKEN=a${HOME_OF_SECRETS}b$c\n")
    assert load_environment({}, tmp_path).text("TOKEN", "") == "a${HOME_OF_SECRETS}b$c"


def test_without_a_file_there_is_the_process_environment(tmp_path: Path) -> None:
    assert load_environment({"KEY": "value"}, tmp_path).text("KEY", "default") == "value"


def test_an_environment_does_not_show_its_values() -> None:
    environment = Environment({"WEBAPP_API_TOKENS": "s3cret"}, ROOT)
    assert "s3cret" not in repr(environment)
    assert "s3cret" not in str(environment)


def test_the_project_root_holds_the_sample_of_settings() -> None:
    assert (project_root() / ".env.sample").is_file()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "[::1]", "localhost"])
def test_only_this_machine_reaches_a_loopback_host(host: str) -> None:
    assert is_loopback(host)
    assert is_loopback_address(f"tcp://{host}:5555")


@pytest.mark.parametrize("host", ["0.0.0.0", "*", "", "::", "[::]", "10.0.0.1", "example.org", "localhost.evil.org"])
def test_others_reach_any_other_host(host: str) -> None:
    assert not is_loopback(host)
    assert not is_loopback_address(f"tcp://{host}:5555")


def test_a_socket_file_is_of_this_machine() -> None:
    assert is_loopback_address("ipc:///tmp/stream")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("WEBAPP_HTTP_PROT", "WEBAPP_HTTP_PORT"),
        ("WEBAP_HTTP_PORT", "WEBAPP_HTTP_PORT"),
        ("webapp_http_port", None),
        ("SIDECAR_NOTHING_LIKE_IT", ""),
        ("LOG_LEVLE", "LOG_LEVEL"),
        ("DATA_DIRS", "DATA_DIR"),
        ("LOG_FILE", None),
        ("DATABASE_URL", None),
        ("PATH", None),
        ("LOG_LEVEL", None),
    ],
)
def test_an_unknown_setting_is_reported_with_the_closest_known_name(
    tmp_path: Path, name: str, meant: str | None
) -> None:
    (tmp_path / ".env.sample").write_text("DATA_DIR=./data\nLOG_LEVEL=INFO\nWEBAPP_HTTP_PORT=8000\n")
    found = Environment({name: "1", "WEBAPP_HTTP_PORT": "1"}, tmp_path).unknown_names()
    assert found == ({} if meant is None else {name: meant})


def test_without_the_sample_file_no_setting_is_unknown(tmp_path: Path) -> None:
    assert Environment({"WEBAPP_HTTP_PROT": "1"}, tmp_path).unknown_names() == {}
