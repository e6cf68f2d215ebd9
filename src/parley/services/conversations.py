"""Conversations: listed, read, and given the customer's own notes."""

from __future__ import annotations

from typing import NamedTuple

from parley.schemas.messages import ConversationList, ConversationUpdate, MessageList
from parley.storage import agents, conversations, messages
from parley.storage.database import Database
from parley.storage.tables import ConversationRow, MessageRow


class Thread(NamedTuple):
    """A conversation and some of its messages, oldest first."""

    conversation: ConversationRow
    messages: list[MessageRow]


class Conversations:
    """A foreign or unknown id is NotFound everywhere."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, project_id: str, conversation_id: str, message_limit: int) -> Thread:
        """With its newest `message_limit` messages."""
        async with self._database.read() as session:
            row = await conversations.get(session, project_id, conversation_id)
            newest, _ = await messages.list_of_conversation(session, project_id, row.id, message_limit, 0)
        return Thread(row, newest[::-1])

    async def update(self, project_id: str, conversation_id: str, wanted: ConversationUpdate) -> ConversationRow:
        """The metadata is replaced as a whole, or cleared."""
        async with self._database.transaction() as session:
            row = await conversations.get(session, project_id, conversation_id, lock=True)
            row.conversation_metadata = wanted.metadata
        return row

    async def messages(self, project_id: str, conversation_id: str, query: MessageList) -> tuple[list[MessageRow], int]:
        """One page of its messages, newest first, and how many there are in all."""
        async with self._database.read() as session:
            row = await conversations.get(session, project_id, conversation_id)
            return await messages.list_of_conversation(session, project_id, row.id, query.limit, query.offset)

    async def list(
        self, project_id: str, query: ConversationList, *, agent_id: str | None = None
    ) -> tuple[list[ConversationRow], int]:
        """One page, the one with the latest message first, and how many there are in all; or of one agent alone."""
        async with self._database.read() as session:
            if agent_id is not None:
                await agents.get(session, project_id, agent_id)
            return await conversations.list_page(session, project_id, agent_id, query.limit, query.offset)
