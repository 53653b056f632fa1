"""Settings: read once from the process environment and `.env`, checked, and passed on as plain values."""

import difflib
import ipaddress
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from dotenv.parser import parse_stream

Parsed = TypeVar("Parsed")

SAMPLE_FILE = ".env.sample"
"""Lists every setting of every program, with its default: the only list of all names."""

_NAME = re.compile(r"^(\w+)=", re.MULTILINE)

OWN_PREFIXES = ("WEBAPP_", "SIDECAR_", "FEED_", "ANALYTICS_")
"""Prefixes that only our programs use. Other programs have names with `LOG_` or `DATA_` too."""

CLOSE = 0.8
"""Minimum similarity, 0 to 1, at which an unknown name counts as misspelt: LOG_LEVLE does, LOG_FILE does not."""


class SettingError(Exception):
    """A setting has an invalid value. The message names the key and the values that are valid."""


def project_root() -> Path:
    """The nearest parent folder of this file with `.env.sample`; the working directory if there is none.

    There is none if the package is installed outside the project.
    """
    for folder in Path(__file__).resolve().parents:
        if (folder / SAMPLE_FILE).is_file():
            return folder
    return Path.cwd()


def load_environment(process: Mapping[str, str], root: Path) -> "Environment":
    """The settings in force: the process environment first, then `root/.env`. Raises SettingError if that file has a
    line that can't be read.
    """
    return Environment({**read_file(root / ".env"), **process}, root)


def read_file(path: Path) -> dict[str, str]:
    """The settings in a file; none if there is no file. Raises SettingError.

    A line that can't be read is refused: passed over, a token with an unclosed quote would leave the program without
    access control. The message names the line and leaves out its text, which may be a secret.
    """
    written = {}
    try:
        with path.open(encoding="utf-8-sig") as lines:
            for line in parse_stream(lines):
                if line.error:
                    place = f"{path.name}, line {line.original.line}"
                    raise SettingError(f"{place}: NAME=value is needed, with closed quotes")
                if line.key and line.value is not None:
                    written[line.key] = line.value
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError:
        raise SettingError(f"{path.name} is not UTF-8 text") from None
    except OSError as error:
        raise SettingError(f"{path.name} can't be read: {error.strerror}") from None
    return written


class Environment:
    """Reads typed values from text. Every method raises SettingError for an invalid value.

    An empty value counts as not set.
    """

    def __init__(self, values: Mapping[str, str], root: Path) -> None:
        self._values = values
        self._root = root

    def unknown_names(self) -> dict[str, str]:
        """Names that no program reads and that look like ours, each with the closest known name or "".

        A name looks like ours if it has one of OWN_PREFIXES or is CLOSE to a known one. Empty if SAMPLE_FILE is
        missing.
        """
        try:
            known = set(_NAME.findall((self._root / SAMPLE_FILE).read_text(encoding="utf-8")))
        except OSError:
            return {}
        closest = {
            name: next(iter(difflib.get_close_matches(name, known, 1, CLOSE)), "")
            for name in sorted(self._values.keys() - known)
        }
        return {name: meant for name, meant in closest.items() if meant or name.startswith(OWN_PREFIXES)}

    def text(self, key: str, default: str) -> str:
        """The value as written, without surrounding white space."""
        return self._values.get(key, "").strip() or default

    def integer(self, key: str, default: int, *, minimum: int, maximum: int) -> int:
        """A whole number from `minimum` to `maximum`."""
        written = self.text(key, str(default))
        if not (_is_whole(written) and minimum <= int(written) <= maximum):
            raise SettingError(f"{key}={written!r}: a whole number from {minimum} to {maximum} is needed")
        return int(written)

    def seconds(self, key: str, default: float, *, minimum: float, maximum: float) -> float:
        """A time in seconds from `minimum` to `maximum`."""
        written = self.text(key, str(default))
        try:
            value = float(written)
        except ValueError:
            value = float("nan")
        if not minimum <= value <= maximum:
            raise SettingError(f"{key}={written!r}: seconds from {minimum} to {maximum} are needed")
        return value

    def choice(self, key: str, default: str, choices: tuple[str, ...]) -> str:
        """One of `choices`, in upper or lower case; returned as spelt in `choices`."""
        written = self.text(key, default)
        for choice in choices:
            if choice.lower() == written.lower():
                return choice
        raise SettingError(f"{key}={written!r}: one of {', '.join(choices)} is needed")

    def parsed(self, key: str, default: str, parse: Callable[[str], Parsed]) -> Parsed:
        """What `parse` makes of the text; it says with a ValueError what is wrong."""
        written = self.text(key, default)
        try:
            return parse(written)
        except ValueError as error:
            raise SettingError(f"{key}={written!r}: {error}") from None

    def words(self, key: str) -> tuple[str, ...]:
        """The items of a comma-separated list, without empty ones."""
        return tuple(part.strip() for part in self.text(key, "").split(",") if part.strip())

    def folder(self, key: str, default: str) -> Path:
        """A folder. Relative paths start at the project's root, so that they mean the same in every process."""
        return (self._root / self.text(key, default)).resolve()

    def file(self, key: str) -> Path | None:
        """A file. Relative paths start at the project's root; None if not set."""
        written = self.text(key, "")
        return (self._root / written).resolve() if written else None

    def config_file(self, name: str) -> Path:
        """A file of the project's `config` folder; it need not exist."""
        return self._root / "config" / name

    def port(self, key: str, default: int) -> int:
        """A TCP port, 1 to 65535."""
        return self.integer(key, default, minimum=1, maximum=65535)

    def address(self, key: str, default: str) -> str:
        """A ZeroMQ endpoint, `tcp://HOST:PORT` or `ipc://PATH`."""
        written = self.text(key, default)
        scheme, _, rest = written.partition("://")
        host, _, port = rest.rpartition(":")
        if (scheme == "tcp" and host and _is_whole(port) and 0 < int(port) <= 65535) or (scheme == "ipc" and rest):
            return written
        raise SettingError(f"{key}={written!r}: an address such as {default} is needed")


def _is_whole(written: str) -> bool:
    return written.isascii() and written.isdigit() and len(written) <= 19


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_loopback_address(address: str) -> bool:
    """Whether only this machine can reach a server that listens on a ZeroMQ endpoint."""
    scheme, _, rest = address.partition("://")
    return scheme != "tcp" or is_loopback(rest.rpartition(":")[0])
