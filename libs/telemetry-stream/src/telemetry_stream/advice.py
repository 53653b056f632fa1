"""What to do when a reader can't follow the writer's stream; names the settings to change."""

from dataclasses import dataclass

from telemetry_stream.refusals import DAMAGED_HISTORY, OTHER_MECHANISM, UNKNOWN_KEY, Obstacle


@dataclass(frozen=True, slots=True)
class Writer:
    """A program that writes a stream: what it is called, the prefix of its settings, what to do about a damaged
    journal, and the reader's setting for its public key behind the reader's prefix.
    """

    name: str
    settings: str
    repair: str
    server_key: str


WEB_APP = Writer(
    "the web app",
    "WEBAPP",
    "check it with `trading-app doctor`, and restore a sound copy with `trading-app restore`",
    "ZMQ_SERVER_KEY",
)
MARKET_FEED = Writer(
    "the market feed",
    "FEED",
    "readers continue after it once it is older than FEED_KEEP_DAYS, or remove the folder market-data",
    "FEED_SERVER_KEY",
)


def advise(obstacle: Obstacle, reader: str, writer: Writer = WEB_APP) -> str:
    """One sentence for the operator of both programs. `reader` is the prefix of the reader's settings."""
    key, name, prefix = obstacle.public_key, writer.name, writer.settings
    server_key = f"{reader}_{writer.server_key}"
    if obstacle.reason == DAMAGED_HISTORY:
        return f"the journal's {obstacle.detail}; {writer.repair}"
    if obstacle.reason == UNKNOWN_KEY and key is not None:
        return f"{name} does not know this key: add {key} to {prefix}_ZMQ_CLIENT_KEYS there"
    if obstacle.reason == OTHER_MECHANISM and key is not None:
        return f"{name} does not use CURVE: set {prefix}_ZMQ_SECRET_KEY_FILE there, or unset {server_key} here"
    if obstacle.reason == OTHER_MECHANISM:
        return f"{name} speaks CURVE only: set {server_key} and {reader}_ZMQ_SECRET_KEY_FILE"
    # If one side closes the connection at once, the other may not learn the reason.
    if key is not None:
        return f"{name} ended the handshake: is {server_key} its public key, and does it use CURVE?"
    return f"what listens at {prefix}_ZMQ_ADDR ended the handshake: is it {name}, and does it speak CURVE only?"
