"""Text messages over HTTP: sent, listed, read."""

from __future__ import annotations

from parley.api.operations import Ask, Listing, Operation
from parley.schemas.messages import MessageList, MessageOut, MessageSend, MessageSent
from parley.storage.tables import MessageRow

GROUP = "Messages"


async def send_message(ask: Ask[MessageSend, None]) -> MessageRow:
    return await ask.services.messages.send(ask.project_id, ask.body)


async def get_message(ask: Ask[None, None]) -> MessageRow:
    return await ask.services.messages.get(ask.project_id, ask.ids["message_id"])


async def list_number_messages(ask: Ask[None, MessageList]) -> Listing:
    rows, total = await ask.services.messages.list_for_number(ask.project_id, ask.ids["number_id"], ask.query)
    return Listing(rows, total, ask.query.limit, ask.query.offset)


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "POST",
        "/messages",
        send_message,
        title="Send a text message",
        group=GROUP,
        answer=MessageSent,
        body=MessageSend,
        status=201,
        about="The agent's first number sends, unless you name another. `message.sent` tells when the carrier has"
        " delivered it, `message.failed` that it could not. Somebody who texted STOP gets nothing until they text"
        " START: a 403.",
        refusals=frozenset({402, 403, 404, 502}),
    ),
    Operation("GET", "/messages/{message_id}", get_message, title="Read a message", group=GROUP, answer=MessageOut),
    Operation(
        "GET",
        "/numbers/{number_id}/messages",
        list_number_messages,
        title="List a number's messages",
        group=GROUP,
        answer=MessageOut,
        query=MessageList,
        lists=("messages",),
    ),
)
