"""An OpenID Connect provider on loopback: real RSA keys, its JWK Set over HTTP, and tokens signed with them."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from trading_app.access.id_tokens import LEEWAY_SECONDS

ISSUER, AUDIENCE = "https://id.example/desk", "desk"
USER = "trader@example.com"


def make_key(bits: int = 2048) -> RSAPrivateKey:
    """A new key pair."""
    return generate_private_key(65537, bits)


def jwk(kid: str, key: RSAPrivateKey, **fields: object) -> dict[str, Any]:
    """The public half as it stands in a JWK Set."""
    written: dict[str, Any] = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**written, "kid": kid, "use": "sig", "alg": "RS256", **fields}


class Provider:
    """Tells its keys, and signs. `body` is what it answers with, `status` how; `asked` counts who asked."""

    def __init__(self) -> None:
        self.keys = {"first": make_key()}
        self.status = 200
        self.body = b""
        self.asked = 0
        self.tell()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/keys"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def tell(self, *more: dict[str, Any]) -> None:
        """Answer with the keys it has, and more."""
        self.body = json.dumps({"keys": [*(jwk(kid, key) for kid, key in self.keys.items()), *more]}).encode()

    def settings(self, **others: str) -> dict[str, str]:
        """What makes the app take its tokens."""
        return {
            "WEBAPP_OIDC_ISSUER": ISSUER,
            "WEBAPP_OIDC_AUDIENCE": AUDIENCE,
            "WEBAPP_OIDC_JWKS_URL": self.url,
            "WEBAPP_OIDC_USERS": USER,
            **others,
        }

    def claims(self, **others: object) -> dict[str, object]:
        """Claims that count; what is given as None is left out."""
        now = int(time.time())
        claims_given = {
            "iss": ISSUER, "aud": AUDIENCE, "sub": "user-1", "iat": now, "exp": now + 3600,
            "email": USER, "email_verified": True, **others,
        }  # fmt: skip
        return {name: value for name, value in claims_given.items() if value is not None}

    def token(self, kid: str = "first", **claims: object) -> str:
        """A token signed with one of its keys."""
        return jwt.encode(self.claims(**claims), self.keys[kid], "RS256", {"kid": kid})

    def short_token(self) -> str:
        """A token that expires within five seconds. On a busy machine it may have expired when it arrives: the test
        then asks for another one.
        """
        return self.token(exp=int(time.time()) + 5 - LEEWAY_SECONDS)

    def end(self) -> None:
        """Be gone: nothing listens any more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked += 1
                self.send_response(provider.status)
                self.send_header("Content-Length", str(len(provider.body)))
                self.end_headers()
                self.wfile.write(provider.body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@contextmanager
def id_provider() -> Iterator[Provider]:
    """A provider that runs."""
    provider = Provider()
    try:
        yield provider
    finally:
        provider.end()
