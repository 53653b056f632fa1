"""Which format and encoding a client gets, by its Accept and Accept-Encoding. No I/O."""

from collections.abc import Iterator


def wants_openmetrics(accept: str) -> bool:
    """Whether OpenMetrics 1.0 is named, and no less liked than the text format. Everybody else gets the text format."""
    openmetrics = text = 0.0
    for media_type, parameters, quality in _choices(accept):
        version = parameters.get("version")
        if media_type == "application/openmetrics-text" and version in (None, "1.0.0"):
            openmetrics = max(openmetrics, quality)
        elif media_type == "text/plain" and version in (None, "0.0.4"):
            text = max(text, quality)
    return openmetrics > 0 and openmetrics >= text


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether gzip is named and not refused."""
    return any(coding == "gzip" and quality > 0 for coding, _, quality in _choices(accept_encoding))


def _choices(header: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for part in header.split(","):
        name, *written = (piece.strip() for piece in part.split(";"))
        parameters = dict(piece.partition("=")[::2] for piece in written)
        yield name.lower(), parameters, _quality(parameters.get("q", "1"))


def _quality(written: str) -> float:
    try:
        quality = float(written)
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
