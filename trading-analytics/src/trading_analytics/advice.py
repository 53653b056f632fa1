"""What to do when the program can't follow the web app; names the settings to change."""

from telemetry_stream.refusals import DAMAGED_HISTORY, UNKNOWN_KEY, Obstacle


def advice(obstacle: Obstacle) -> str:
    """One sentence for the operator of both programs."""
    if obstacle.reason == DAMAGED_HISTORY:
        fix = "check it with `trading-app doctor`, and restore a sound copy with `trading-app restore`"
        return f"the journal's {obstacle.detail}; {fix}"
    if obstacle.public_key is None:
        return (
            "what listens at WEBAPP_ZMQ_ADDR ended the handshake: if it is the web app and speaks CURVE, set"
            " ANALYTICS_ZMQ_SERVER_KEY and ANALYTICS_ZMQ_SECRET_KEY_FILE"
        )
    if obstacle.reason == UNKNOWN_KEY:
        return f"the web app does not know this key: add {obstacle.public_key} to WEBAPP_ZMQ_CLIENT_KEYS there"
    return "the web app ended the handshake: is ANALYTICS_ZMQ_SERVER_KEY its public key, and does it use CURVE?"
