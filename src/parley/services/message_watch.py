"""Watching over texts that were written down, and whose sending nobody finished."""

from __future__ import annotations

import asyncio

import structlog
from sqlalchemy.exc import SQLAlchemyError

from parley.domain.errors import ParleyError
from parley.services.messages import Messages

log = structlog.get_logger()

EVERY_S = 30.0


class MessageWatch:
    """Every replica may watch: a message is locked and looked at again before it is marked."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    async def run(self) -> None:
        """Look every 30 seconds until cancelled. Start it as a child of the server's TaskGroup."""
        while True:
            try:
                await self._messages.fail_lost()
            except (ParleyError, SQLAlchemyError) as trouble:  # it is tried again, and must not end the server
                log.warning("messages_not_watched", reason=type(trouble).__name__)
            await asyncio.sleep(EVERY_S)
