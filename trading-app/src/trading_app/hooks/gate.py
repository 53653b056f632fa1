"""Which hook a request may reach: by the secret in its path, or where the hook allows it, in a header or the query.

Secrets are checked and guesses throttled as API tokens are: all digests are compared, each in constant time, whichever
hook the request names. An unknown name and a wrong secret get the same answer. No I/O.
"""

import base64
import binascii
from collections.abc import Sequence
from urllib.parse import parse_qsl

from service_kit.access.gate import Gate as TokenGate
from service_kit.access.tokens import Tokens, digest_of
from service_kit.clock import Clock, unix_seconds
from trading_app.access.call import Call
from trading_app.access.caller import Caller
from trading_app.hooks.hook import Hook

PREFIX = "/hooks/"
MAX_SLASHES = 3
"""Slashes in /hooks/NAME/SECRET."""

SCOPES = frozenset(("ingest",))
MAX_FIELDS = 100
WRONG = "there is no hook with this name and secret"


class HookGate:
    """Admits requests to hooks."""

    def __init__(self, hooks: Sequence[Hook], clock: Clock) -> None:
        self._clock = clock
        self._gate = TokenGate("trading-app", "config/webhooks.yml", (), clock)
        self.put_in_force(hooks)

    def put_in_force(self, hooks: Sequence[Hook]) -> None:
        """Admit requests to these hooks from now on, and to no others. Who has guessed still waits."""
        self._hook_of = {secret.digest: (hook, secret.until_ns) for hook in hooks for secret in hook.secrets}
        self._gate.tokens = Tokens([f"ingest:sha256:{digest.hex()}" for digest in self._hook_of])

    def caller(self, call: Call) -> Caller | None:
        """The caller that a hook's secret stands for; None if the request is not one to a hook. Raises Problem."""
        if not self._hook_of or not is_message(call.method, call.path):
            return None
        name, *rest = call.path.removeprefix(PREFIX).split("/")
        way, secret = ("path", rest[0].encode()) if rest else _beside(call)
        if not secret:
            raise self._gate.unauthorized("the URL of a hook ends with its secret")
        attempt = self._gate.attempt(secret, call.host)
        if attempt.scopes is not None:
            hook, until_ns = self._hook_of[attempt.digest]
            if hook.name == name and way in hook.ways and not self._is_over(until_ns):
                return caller_of(name, hook.accounts)
        raise self._gate.refusal(attempt, WRONG)

    def is_secret(self, text: bytes) -> bool:
        """Whether a text is the secret of a hook."""
        return digest_of(text) in self._hook_of

    def _is_over(self, until_ns: int | None) -> bool:
        return until_ns is not None and unix_seconds(self._clock) * 1e9 >= until_ns


def caller_of(hook: str, accounts: frozenset[str] = frozenset()) -> Caller:
    """The caller that stands for a hook."""
    return Caller(f"hook {hook}", SCOPES, id=f"hook {hook}", accounts=accounts)


def is_message(method: str, path: str) -> bool:
    """Whether a call is a message to a hook, and not one about kept messages."""
    return method == "POST" and path.startswith(PREFIX) and path.count("/") <= MAX_SLASHES


def _beside(call: Call) -> tuple[str, bytes]:
    """Where the secret is beside the path, and the secret; empty if there is none."""
    if call.query:
        try:
            return "query", dict(parse_qsl(call.query, max_num_fields=MAX_FIELDS)).get(b"token", b"")
        except ValueError:
            return "query", b""
    scheme, _, given = call.headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() != b"basic":
        return "basic", b""
    try:
        return "basic", base64.b64decode(given.strip(), validate=True).partition(b":")[2]
    except binascii.Error:
        return "basic", b""
