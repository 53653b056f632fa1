"""What to do when the sidecar can't follow the web app; names the settings to change."""

from telemetry_stream.refusals import DAMAGED_HISTORY, OTHER_MECHANISM, UNKNOWN_KEY, Obstacle


def advice(obstacle: Obstacle) -> str:
    """One sentence for the operator of both programs."""
    key = obstacle.public_key
    if obstacle.reason == DAMAGED_HISTORY:
        fix = "check it with `trading-app doctor`, and restore a sound copy with `trading-app restore`"
        return f"the journal's {obstacle.detail}; {fix}"
    if obstacle.reason == UNKNOWN_KEY and key is not None:
        return f"the web app does not know this key: add {key} to WEBAPP_ZMQ_CLIENT_KEYS there"
    if obstacle.reason == OTHER_MECHANISM and key is not None:
        return (
            "the web app does not use CURVE: set WEBAPP_ZMQ_SECRET_KEY_FILE there, or unset SIDECAR_ZMQ_SERVER_KEY here"
        )
    if obstacle.reason == OTHER_MECHANISM:
        return "the web app speaks CURVE only: set SIDECAR_ZMQ_SERVER_KEY and SIDECAR_ZMQ_SECRET_KEY_FILE"
    # If one side closes the connection at once, the other may not learn the reason.
    if key is not None:
        return "the web app ended the handshake: is SIDECAR_ZMQ_SERVER_KEY its public key, and does it use CURVE?"
    return "what listens at WEBAPP_ZMQ_ADDR ended the handshake: is it the web app, and does it speak CURVE only?"
