"""A message on its way from a caller's line to where messages are stored."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from parley.conversation.desk.wishes import KeepMessage
from parley.domain.errors import ParleyError
from parley.live.desk_records import DeskRecords
from parley.live.take import MessageEar

log = structlog.get_logger()

_RETRY_S = (0.2, 0.5, 1.0, 2.0, *(5.0,) * 3, *(10.0,) * 28)


class MessageKeeper:
    """Keeps one message, once. While it cannot be stored it is tried again through the pauses of `retry_s`, five
    minutes in all; what is given up then is logged as lost.
    """

    def __init__(
        self,
        call_id: str,
        voicemail_id: str,
        ear: MessageEar,
        desk: DeskRecords,
        tasks: asyncio.TaskGroup,
        retry_s: Sequence[float] = _RETRY_S,
    ) -> None:
        self._call_id = call_id
        self._voicemail_id = voicemail_id
        self._ear = ear
        self._desk = desk
        self._tasks = tasks
        self._retry_s = retry_s
        self._work: asyncio.Task[None] | None = None

    def keep(self, wish: KeepMessage) -> None:
        """Begin to store it; a second time for the same message does nothing."""
        if self._work is None:
            self._work = self._tasks.create_task(self._keep(wish))

    async def kept(self, timeout_s: float) -> None:
        """Wait until it is stored, or this long. Where nothing was to be kept, that is what is told."""
        self.keep(KeepMessage("", 0.0, was_empty=True))
        if self._work is not None:
            await asyncio.wait((self._work,), timeout=timeout_s)

    async def rescue(self) -> None:
        """After a bug: store what there is, without its words. Raises a ParleyError when it cannot be stored now."""
        if self._work is None or self._work.cancelled():
            wish = KeepMessage("", 0.0, was_empty=not self._ear.has_audio)
            await self._desk.keep_message(self._call_id, self._ear.message(self._voicemail_id, wish))

    async def _keep(self, wish: KeepMessage) -> None:
        message = await asyncio.to_thread(self._ear.message, self._voicemail_id, wish)
        for pause_s in (*self._retry_s, None):
            try:
                await self._desk.keep_message(self._call_id, message)
                return
            except ParleyError as error:
                if pause_s is None:
                    log.error("message_lost", call_id=self._call_id, code=error.code)
                    return
                await asyncio.sleep(pause_s)
