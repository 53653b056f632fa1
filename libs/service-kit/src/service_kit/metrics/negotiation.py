"""The format and encoding of an exposition, from Accept and Accept-Encoding (RFC 9110, 12.5). No I/O."""

from collections.abc import Iterator


def wants_openmetrics(accept: str) -> bool:
    """Whether the client names OpenMetrics 1.0 with at least the quality of the text format, which is the default."""
    openmetrics = text = 0.0
    for media_type, parameters, quality in _choices(accept):
        version = parameters.get("version")
        if media_type == "application/openmetrics-text" and version in (None, "1.0.0"):
            openmetrics = max(openmetrics, quality)
        elif media_type == "text/plain" and version in (None, "0.0.4"):
            text = max(text, quality)
    return openmetrics > 0 and openmetrics >= text


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether the client names gzip with a quality above 0."""
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
