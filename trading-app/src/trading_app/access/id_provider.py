"""The settings of an OpenID Connect provider (such as Firebase Authentication) whose ID tokens are accepted."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from service_kit.access.tokens import read_scopes
from service_kit.settings import Environment, SettingError, is_loopback

KEYS = ("WEBAPP_OIDC_ISSUER", "WEBAPP_OIDC_AUDIENCE", "WEBAPP_OIDC_JWKS_URL", "WEBAPP_OIDC_USERS")


class InvalidToken(Exception):
    """The ID token is not valid. The message says why, and shows no part of the token."""


class NoKeys(Exception):
    """The provider's keys are not available. The message says why."""


@dataclass(frozen=True, slots=True)
class IdProvider:
    """The accepted issuer and audience, the users allowed, and their scopes."""

    issuer: str
    audience: str
    jwks_url: str
    users: tuple[str, ...]
    scopes: frozenset[str]

    def admits(self, claims: dict[str, object]) -> str | None:
        """The name of the user in an ID token's claims, if `users` allows it; else None.

        An e-mail address counts only if the provider has verified it.
        """
        subject, email = str(claims["sub"]), claims.get("email")
        verified = email.lower() if isinstance(email, str) and claims.get("email_verified") is True else ""
        wanted = {"*"} if "@" in subject else {"*", subject}  # a subject must not be mistaken for an address
        if "@" in verified:
            wanted |= {verified, f"*@{verified.rpartition('@')[2]}"}
        return (verified or subject) if wanted.intersection(self.users) else None


def read_provider(environment: Environment) -> IdProvider | None:
    """The provider, if one is set. Raises SettingError."""
    issuer = environment.text("WEBAPP_OIDC_ISSUER", "")
    audience = environment.text("WEBAPP_OIDC_AUDIENCE", "")
    jwks_url = environment.text("WEBAPP_OIDC_JWKS_URL", "")
    users = tuple(word.lower() if "@" in word else word for word in environment.words("WEBAPP_OIDC_USERS"))
    words = environment.words("WEBAPP_OIDC_SCOPES") or ("ingest", "read")
    given = (issuer, audience, jwks_url, users)
    missing = [key for key, value in zip(KEYS, given, strict=True) if not value]
    if missing == list(KEYS):
        return None
    if missing:
        raise SettingError(f"{missing[0]} is needed with {', '.join(key for key in KEYS if key != missing[0])}")
    try:
        scopes = read_scopes(words)
    except ValueError as error:
        raise SettingError(f"WEBAPP_OIDC_SCOPES={','.join(words)!r}: {error}") from None
    return IdProvider(issuer, audience, _address_of_keys(jwks_url), users, scopes)


def _address_of_keys(written: str) -> str:
    """Require https or loopback: whoever can change the keys in transit can forge tokens. Raises SettingError."""
    try:
        address = urlsplit(written)
        host, _ = address.hostname or "", address.port
    except ValueError:
        host = ""
    if not host or not (address.scheme == "https" or (address.scheme == "http" and is_loopback(host))):
        raise SettingError(f"WEBAPP_OIDC_JWKS_URL={written!r}: an https address is needed (http on loopback only)")
    return written
