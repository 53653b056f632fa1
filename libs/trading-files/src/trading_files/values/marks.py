"""Signs around a value that belong to a spreadsheet; words for "no value"."""

_NOTHING = frozenset(("", "-", "--", "---", "–", "—", "−", "n/a", "na", "#n/a", "nan", "none", "null", "nil", "\\n"))


def unmark(text: str) -> str:
    """A cell without its text mark: `'2026-01-05` and `="00123"` are 2026-01-05 and 00123."""
    if text[:1] == "'" and text[-1:] != "'":
        return text[1:].strip()
    if text[:2] == '="' and text[-1:] == '"' and len(text) > 2:
        return text[2:-1].replace('""', '"').strip()
    return text


def says_nothing(text: str) -> bool:
    """Whether a cell says that there is no value: a dash, "N/A", "null"."""
    return text.strip().casefold() in _NOTHING
