"""What to do when a reader can't follow the writer's stream; names the settings to change."""

from telemetry_stream.refusals import DAMAGED_HISTORY, OTHER_MECHANISM, UNKNOWN_KEY, Obstacle


def advise(obstacle: Obstacle, reader: str) -> str:
    """One sentence for the operator of both programs. `reader` is the prefix of the reader's settings."""
    key = obstacle.public_key
    if obstacle.reason == DAMAGED_HISTORY:
        fix = "check it with `trading-app doctor`, and restore a sound copy with `trading-app restore`"
        return f"the journal's {obstacle.detail}; {fix}"
    if obstacle.reason == UNKNOWN_KEY and key is not None:
        return f"the web app does not know this key: add {key} to WEBAPP_ZMQ_CLIENT_KEYS there"
    if obstacle.reason == OTHER_MECHANISM and key is not None:
        set_or_unset = f"set WEBAPP_ZMQ_SECRET_KEY_FILE there, or unset {reader}_ZMQ_SERVER_KEY here"
        return f"the web app does not use CURVE: {set_or_unset}"
    if obstacle.reason == OTHER_MECHANISM:
        return f"the web app speaks CURVE only: set {reader}_ZMQ_SERVER_KEY and {reader}_ZMQ_SECRET_KEY_FILE"
    # If one side closes the connection at once, the other may not learn the reason.
    if key is not None:
        return f"the web app ended the handshake: is {reader}_ZMQ_SERVER_KEY its public key, and does it use CURVE?"
    return "what listens at WEBAPP_ZMQ_ADDR ended the handshake: is it the web app, and does it speak CURVE only?"
