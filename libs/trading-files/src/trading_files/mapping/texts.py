"""Texts that are compared without regard to case, with `*` for any characters."""

from collections.abc import Callable, Sequence

from trading_model.instruments import matches

MAX_KNOWN = 10_000
"""Texts whose meaning is kept: enough for all symbols of an account, and a bound for a hostile file."""

WILD = "*"


class Known(dict[str, str]):
    """What a function makes of each text, kept: for columns in which the same texts come again and again."""

    def __init__(self, read: Callable[[str], str]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, text: str) -> str:
        found = self._read(text)
        if len(self) < MAX_KNOWN:
            self[text] = found
        return found


def one_of_texts(texts: Sequence[str]) -> Callable[[str], bool]:
    """Whether a text is one of some, without regard to case; `*` in them stands for any characters."""
    exact = {text.casefold() for text in texts if WILD not in text}
    patterns = [text.casefold() for text in texts if WILD in text]
    known: dict[str, bool] = {}

    def is_one(text: str) -> bool:
        found = known.get(text)
        if found is None:
            folded = text.casefold()
            found = folded in exact or any(matches(pattern, folded) for pattern in patterns)
            if len(known) < MAX_KNOWN:
                known[text] = found
        return found

    return is_one


def meaning_of(words: Sequence[tuple[str, str]]) -> Callable[[str], str | None]:
    """What a text means by a list of words, without regard to case, the exact words first; None if it is not there."""
    exact = {word.casefold(): meaning for word, meaning in words if WILD not in word}
    patterns = [(word.casefold(), meaning) for word, meaning in words if WILD in word]
    known: dict[str, str | None] = {}

    def meaning(text: str) -> str | None:
        try:
            return known[text]
        except KeyError:
            folded = text.casefold()
            found = exact.get(folded)
            if found is None:
                found = next((meant for pattern, meant in patterns if matches(pattern, folded)), None)
            if len(known) < MAX_KNOWN:
                known[text] = found
            return found

    return meaning
