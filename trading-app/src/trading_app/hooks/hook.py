"""One webhook as `config/webhooks.yml` describes it. No I/O."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service_kit.access.tokens import digest_of, mint
from trading_app.intake.decode_batch import DEFAULT_ACCOUNT
from trading_model.timestamps import unix_ns

if TYPE_CHECKING:
    from trading_files.mapping.model import Mapping as FileMapping

MAX_HOOKS = 50
"""Each has its own series in the metrics."""

MAX_SECRETS = 4
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_SECRET = re.compile(r"sha256:([0-9a-fA-F]{64})(?: until (\S+))?")


@dataclass(frozen=True, slots=True)
class Secret:
    """The SHA-256 of a secret, and until when it is valid, in ns since 1970; None: without an end."""

    digest: bytes
    until_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook: how its messages are read, and what its fills are part of.

    `account` and `strategy` are those of fills whose message names none; a message may name one of `accounts`.
    `symbols` are the ledger's names of the sender's symbols. `ways` says where the secret may be: in the `path`, as the
    password of HTTP Basic (`basic`), as `?token=` (`query`). `mapping` is that of the preset `generic`.
    """

    name: str
    preset: str
    account: str
    strategy: str
    accounts: frozenset[str]
    symbols: Mapping[str, str]
    secrets: tuple[Secret, ...]
    currency: str = ""
    ways: frozenset[str] = frozenset(("path",))
    mapping: "FileMapping | None" = None
    map_file: str = ""
    """The file of the mapping, as the hooks' file names it."""

    @classmethod
    def of_preset(cls, preset: str) -> "Hook":
        """A hook to try messages with."""
        return cls(preset, preset, DEFAULT_ACCOUNT, "default", frozenset((DEFAULT_ACCOUNT,)), {}, ())


def make_secret() -> tuple[str, str]:
    """A new secret of 256 random bits, and its entry for the file."""
    secret = mint()
    return secret, f"sha256:{digest_of(secret.encode()).hex()}"


def read_secret(entry: str) -> Secret:
    """The secret of an entry, `sha256:DIGEST` or `sha256:DIGEST until TIME`. Raises ValueError, which shows none."""
    found = _SECRET.fullmatch(entry)
    if found is None:
        raise ValueError("write sha256: and 64 hexadecimal digits, perhaps followed by `until` and a time in UTC")
    digest, until = found.groups()
    return Secret(bytes.fromhex(digest), unix_ns(until) if until else None)
