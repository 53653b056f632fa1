"""Keys of an exchange from the environment, and their removal from texts. No I/O."""

import re
from collections.abc import Mapping, Sequence

from trading_app.follow.source import Unusable

_WORD = re.compile("(?<=[a-z])(?=[A-Z])")
_QUERY = re.compile(r"\?[^\s\"']*")
HIDDEN = "…"


def variable_of(exchange: str, credential: str) -> str:
    """The environment variable of one of ccxt's credentials: `apiKey` of binance is BINANCE_API_KEY."""
    return f"{exchange}_{_WORD.sub('_', credential)}".upper()


def credentials(exchange: str, needed: Sequence[str], environment: Mapping[str, str]) -> dict[str, str]:
    """The credentials that an exchange needs. Raises Unusable, which names the missing variables."""
    found = {name: environment.get(variable_of(exchange, name), "").strip() for name in needed}
    missing = [variable_of(exchange, name) for name, value in found.items() if not value]
    if missing:
        raise Unusable(f"set {' and '.join(missing)} in the environment, with a key that may only read")
    return found


def without_secrets(text: str, secrets: Sequence[str]) -> str:
    """A text for people: without credentials, and without the query of an address, in which signatures stand."""
    text = _QUERY.sub(f"?{HIDDEN}", text)
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return text[:500]
