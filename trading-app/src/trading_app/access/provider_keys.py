"""An ID provider's signing keys: a JWK Set (RFC 7517), fetched when needed and cached."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt
import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from service_kit.clock import Clock
from service_kit.settings import is_loopback
from trading_app.access.id_provider import NoKeys

log = structlog.get_logger(__name__)

FRESH_SECONDS = 600.0
"""Older keys are fetched again, so a key that the provider has withdrawn is valid no longer than this."""

KEPT_SECONDS = 3600.0
"""Maximum age of keys that are still used while the provider does not answer."""

PAUSE_SECONDS = 30.0
"""Minimum pause between attempts, whatever unknown keys the tokens name."""

ANSWER_SECONDS = 5.0
MAX_BYTES = 262_144
MIN_BITS = 2048


class _KeySet(msgspec.Struct):
    keys: list[dict[str, Any]]


class ProviderKeys:
    """The provider's RSA keys, by their `kid`."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._url = url
        self._clock = clock
        self._keys: dict[str, RSAPublicKey] = {}
        self._fetched = self._tried = float("-inf")
        self._failure = ""
        self._fetching = asyncio.Lock()

    async def find(self, kid: str) -> RSAPublicKey | None:
        """The key with this id; None if the provider does not have it. Raises NoKeys if the keys are unavailable."""
        if not self._has(kid):
            async with self._fetching:  # one attempt at a time; the others wait and use its result
                if not self._has(kid) and self._clock.monotonic() >= self._tried + PAUSE_SECONDS:
                    await self._fetch()
        if self._clock.monotonic() >= self._fetched + KEPT_SECONDS:
            self._keys = {}
            raise NoKeys(self._failure)
        return self._keys.get(kid)

    def _has(self, kid: str) -> bool:
        return kid in self._keys and self._clock.monotonic() < self._fetched + FRESH_SECONDS

    async def _fetch(self) -> None:
        self._tried = self._clock.monotonic()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                self._keys = read_keys(await self._ask())
        except TimeoutError:
            self._failure = f"no answer within {ANSWER_SECONDS:g} seconds"
        except (httpx.HTTPError, msgspec.MsgspecError, RecursionError, NoKeys) as error:
            self._failure = str(error) or type(error).__name__
        else:
            self._fetched = self._clock.monotonic()
            log.info("fetched the ID provider's keys", url=self._url, keys=sorted(self._keys))
            return
        log.error("can't fetch the ID provider's keys", url=self._url, reason=self._failure)

    async def _ask(self) -> bytes:
        direct = is_loopback(urlsplit(self._url).hostname or "")
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        async with (
            httpx.AsyncClient(trust_env=not direct) as client,
            client.stream("GET", self._url, headers=headers) as answer,
        ):
            if answer.status_code != 200:
                raise NoKeys(f"the answer has status {answer.status_code}")
            body = b""
            async for part in answer.aiter_raw():
                body += part
                if len(body) > MAX_BYTES:
                    raise NoKeys(f"the answer has more than {MAX_BYTES} bytes")
            return body


def read_keys(body: bytes) -> dict[str, RSAPublicKey]:
    """The RS256 signing keys of a JWK Set, by `kid`. Raises NoKeys, msgspec.MsgspecError."""
    keys = {}
    for written in msgspec.json.decode(body, type=_KeySet).keys:
        kid = written.get("kid")
        fits = written.get("use", "sig") == "sig" and written.get("alg", "RS256") == "RS256"
        if not (isinstance(kid, str) and fits and written.get("kty") == "RSA"):
            continue
        try:
            key = jwt.PyJWK(written, algorithm="RS256").key
        except jwt.PyJWTError:
            continue
        if isinstance(key, RSAPublicKey) and key.key_size >= MIN_BITS:
            keys[kid] = key
    if not keys:
        raise NoKeys("the answer has no key for RS256")
    return keys
