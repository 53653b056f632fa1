"""Checks ID tokens of an OpenID Connect provider: RS256 signature, issuer, audience, user and validity period.

The rules are those of OpenID Connect Core 1.0, section 3.1.3.7.
"""

from dataclasses import dataclass
from typing import Any

import jwt

from service_kit.clock import Clock, unix_seconds
from trading_app.access.caller import Caller
from trading_app.access.id_provider import IdProvider, InvalidToken
from trading_app.access.lease import Lease
from trading_app.access.provider_keys import ProviderKeys

LEEWAY_SECONDS = 60
"""Maximum difference allowed between the provider's clock and this one."""

KNOWN_SECONDS = 60.0
"""How long the result of a check is reused."""

MAX_KNOWN = 1024
MAX_BYTES = 8192
CLAIMS = ("iss", "aud", "sub", "exp", "iat")


@dataclass(frozen=True, slots=True)
class Checked:
    """A valid token: its caller, and when the token and this result expire, in seconds since 1970."""

    caller: Caller
    until: float
    known_until: float


class IdTokens:
    """Checks ID tokens, and reuses each result for KNOWN_SECONDS."""

    def __init__(self, provider: IdProvider, clock: Clock) -> None:
        self._provider = provider
        self._clock = clock
        self._keys = ProviderKeys(provider.jwks_url, clock)
        self._known: dict[bytes, Checked] = {}

    def known(self, digest: bytes) -> Checked | None:
        """The result for the token with this digest, if it was checked recently and is valid; else None."""
        checked = self._known.get(digest)
        return checked if checked is not None and unix_seconds(self._clock) < checked.known_until else None

    async def check(self, token: bytes, digest: bytes) -> Checked:
        """Check a token. Raises InvalidToken; NoKeys if the provider's keys are not available."""
        checked = self.known(digest) or await self._check(token)
        if digest not in self._known:
            while len(self._known) >= MAX_KNOWN:
                del self._known[next(iter(self._known))]
        self._known[digest] = checked
        return checked

    async def _check(self, token: bytes) -> Checked:
        if len(token) > MAX_BYTES:
            raise InvalidToken("it is too long")
        try:
            kid = _kid(jwt.get_unverified_header(token))
            key = await self._keys.find(kid)
            if key is None:
                raise InvalidToken("it is signed with a key that the provider does not have")
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                audience=self._provider.audience,
                issuer=self._provider.issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": list(CLAIMS)},
            )
        except jwt.MissingRequiredClaimError as error:
            raise InvalidToken(f"the claim {error.claim} is missing") from None
        except (jwt.PyJWTError, RecursionError, ValueError, OverflowError) as error:
            raise InvalidToken(_REASONS.get(type(error), "it can't be read")) from None
        return self._checked(claims)

    def _checked(self, claims: dict[str, Any]) -> Checked:
        if claims["aud"] not in (self._provider.audience, [self._provider.audience]):
            raise InvalidToken("it is for other audiences too")
        name = self._provider.admits(claims)
        if name is None:
            raise InvalidToken("its user is not in WEBAPP_OIDC_USERS")
        until = float(claims["exp"]) + LEEWAY_SECONDS
        caller = Caller(name, self._provider.scopes, Lease(until, self._clock), f"user {claims['sub']}")
        return Checked(caller, until, min(until, unix_seconds(self._clock) + KNOWN_SECONDS))


_REASONS: dict[type[Exception], str] = {
    jwt.ExpiredSignatureError: "it has expired",
    jwt.ImmatureSignatureError: "it is not valid yet",
    jwt.InvalidAlgorithmError: "it is not signed with RS256",
    jwt.InvalidAudienceError: "it is for another audience",
    jwt.InvalidIssuerError: "another issuer made it",
    jwt.InvalidSignatureError: "its signature is wrong",
}


def _kid(header: dict[str, Any]) -> str:
    if header.get("alg") != "RS256":
        raise jwt.InvalidAlgorithmError
    kid = header.get("kid")
    if not isinstance(kid, str):
        raise InvalidToken("it does not name the key that signed it")
    return kid
