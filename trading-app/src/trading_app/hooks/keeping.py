"""Keeps messages that arrive together on disk together: while some are written, further ones gather."""

import asyncio
from collections.abc import Sequence

from trading_app.hooks.kept import Kept, KeptMessages, ToKeep


class Keeping:
    """Keeps messages in a folder, for the tasks of one event loop."""

    def __init__(self, files: KeptMessages) -> None:
        self._files = files
        self._gathered = list[tuple[ToKeep, asyncio.Future[Kept]]]()
        self._turn = asyncio.Lock()

    async def keep(self, asked: ToKeep) -> Kept:
        """Keep a message. Raises CantKeep, OSError."""
        kept: asyncio.Future[Kept] = asyncio.get_running_loop().create_future()
        self._gathered.append((asked, kept))
        async with self._turn:
            if not kept.done():  # else it was written with another one
                await self._keep_gathered()
        return kept.result()

    async def _keep_gathered(self) -> None:
        group, self._gathered = self._gathered, []
        results: Sequence[Kept | Exception] = [OSError("the messages were not written")] * len(group)
        try:
            results = await asyncio.to_thread(self._files.keep_all, [asked for asked, _ in group])
        finally:
            for (_, kept), result in zip(group, results, strict=True):
                if isinstance(result, Kept):
                    kept.set_result(result)
                else:
                    kept.set_exception(result)
