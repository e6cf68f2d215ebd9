"""Conversations over HTTP: the text messages between one of our numbers and one other."""

from __future__ import annotations

from parley.api.operations import Ask, Listing, Operation
from parley.schemas.messages import (
    ConversationDetail,
    ConversationList,
    ConversationOut,
    ConversationRead,
    ConversationUpdate,
    MessageList,
    MessageOut,
)
from parley.storage.tables import ConversationRow

GROUP = "Conversations"


async def list_conversations(ask: Ask[None, ConversationList]) -> Listing:
    rows, total = await ask.services.conversations.list(ask.project_id, ask.query)
    return Listing(rows, total, ask.query.limit, ask.query.offset)


async def list_agent_conversations(ask: Ask[None, ConversationList]) -> Listing:
    agent_id = ask.ids["agent_id"]
    rows, total = await ask.services.conversations.list(ask.project_id, ask.query, agent_id=agent_id)
    return Listing(rows, total, ask.query.limit, ask.query.offset)


async def get_conversation(ask: Ask[None, ConversationRead]) -> ConversationDetail:
    thread = await ask.services.conversations.get(ask.project_id, ask.ids["conversation_id"], ask.query.message_limit)
    shown = ConversationOut.model_validate(thread.conversation)
    said = [MessageOut.model_validate(row) for row in thread.messages]
    return ConversationDetail.model_construct(**dict(shown), messages=said)


async def update_conversation(ask: Ask[ConversationUpdate, None]) -> ConversationRow:
    return await ask.services.conversations.update(ask.project_id, ask.ids["conversation_id"], ask.body)


async def list_conversation_messages(ask: Ask[None, MessageList]) -> Listing:
    rows, total = await ask.services.conversations.messages(ask.project_id, ask.ids["conversation_id"], ask.query)
    return Listing(rows, total, ask.query.limit, ask.query.offset)


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/conversations",
        list_conversations,
        title="List conversations",
        group=GROUP,
        answer=ConversationOut,
        query=ConversationList,
        lists=("conversations",),
    ),
    Operation(
        "GET",
        "/agents/{agent_id}/conversations",
        list_agent_conversations,
        title="List an agent's conversations",
        group=GROUP,
        answer=ConversationOut,
        query=ConversationList,
        lists=("conversations",),
    ),
    Operation(
        "GET",
        "/conversations/{conversation_id}",
        get_conversation,
        title="Read a conversation",
        group=GROUP,
        answer=ConversationDetail,
        query=ConversationRead,
    ),
    Operation(
        "PATCH",
        "/conversations/{conversation_id}",
        update_conversation,
        title="Keep notes about a conversation",
        group=GROUP,
        answer=ConversationOut,
        body=ConversationUpdate,
        about="What you keep in `metadata` comes back as `conversationState` in every event of the conversation.",
    ),
    Operation(
        "GET",
        "/conversations/{conversation_id}/messages",
        list_conversation_messages,
        title="List a conversation's messages",
        group=GROUP,
        answer=MessageOut,
        query=MessageList,
        lists=("messages",),
    ),
)
