"""How many keys get a position: a limit, with room for accounts that have few. No I/O."""

LABEL_BYTES = 128
"""Bytes of account, strategy and symbol that count as one position: each of a position's series repeats them."""


def cost(account: str, strategy: str, symbol: str) -> int:
    """What a key takes of the limit on positions: 1 for each LABEL_BYTES of its names, rounded up."""
    characters = len(account) + len(strategy) + len(symbol)
    if characters * 4 > LABEL_BYTES:  # a character has at most 4 bytes in UTF-8, so short names need no encoding
        characters = len((account + strategy + symbol).encode())
    return max(1, -(-characters // LABEL_BYTES))


def newcomers_limit(limit: int) -> int:
    """What all positions together may take: `limit` plus a quarter, reserved for accounts with few positions."""
    return limit + limit // 4


class Quota:
    """What the keys take of a limit. An account can't keep others out.

    Beyond the limit each account may have a hundredth of it, from a reserve of a quarter.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self._used_by_account: dict[str, int] = {}

    def admits(self, account: str, strategy: str, symbol: str) -> bool:
        """Whether a key gets a position. Depends on earlier keys only, so a rebuild decides the same."""
        key_cost = cost(account, strategy, symbol)
        used = self.used + key_cost
        if used <= self.limit:
            return True
        used_by_account = self._used_by_account.get(account, 0) + key_cost
        return used <= newcomers_limit(self.limit) and used_by_account <= max(1, self.limit // 100)

    def take(self, account: str, strategy: str, symbol: str) -> None:
        """Note a key that got one."""
        key_cost = cost(account, strategy, symbol)
        self.used += key_cost
        self._used_by_account[account] = self._used_by_account.get(account, 0) + key_cost
