"""Conversations held by phone, with their metrics, transcript and audio."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from parley.api.operations import Ask, Listing, Operation, Streamed
from parley.api.paging import page_of
from parley.api.recordings import MEDIA_TYPE, streamed
from parley.schemas.phone_conversations import (
    AnalysisStateOut,
    ConversationQuery,
    PhoneConversationOut,
    SaidOut,
    SpokenTranscriptOut,
    shown_status,
)
from parley.services.phone_conversations import PhoneConversation
from parley.storage.tables import TranscriptRow

GROUP = "Conversations"


async def list_conversations(ask: Ask[None, ConversationQuery]) -> Listing:
    found, page = await ask.services.phone_conversations.list(ask.project_id, ask.query)
    return page_of([shown(each) for each in found], page.total, page.next_id, ask.query)


async def get_conversation(ask: Ask[None, None]) -> PhoneConversationOut:
    return shown(await ask.services.phone_conversations.get(ask.project_id, ask.ids["conversation_id"]))


async def get_transcript(ask: Ask[None, None]) -> SpokenTranscriptOut:
    call, rows = await ask.services.phone_conversations.transcript(ask.project_id, ask.ids["conversation_id"])
    return SpokenTranscriptOut(
        conversation_id=call.id, agent_id=call.agent_id, status=shown_status(call.status), transcript=list(said(rows))
    )


async def get_audio(ask: Ask[None, None]) -> Streamed:
    return streamed(*await ask.services.recordings.open(ask.project_id, ask.ids["conversation_id"], ask.byte_range))


def shown(conversation: PhoneConversation) -> PhoneConversationOut:
    """A call in the words of a conversation."""
    call, found = conversation.call, conversation.analysis
    return PhoneConversationOut(
        id=call.id,
        conversation_id=call.id,
        call_id=call.id,
        agent_id=call.agent_id,
        status=shown_status(call.status),
        direction=call.direction,
        phone_number=call.phone_number,
        caller_id=call.from_number if call.direction == "inbound" else call.to_number,
        duration_seconds=conversation.duration_seconds,
        turn_count=conversation.turn_count,
        resolution_status=found.resolution_status if found else None,
        satisfaction_score=found.satisfaction_score if found else None,
        topics=found.topics if found else None,
        summary=found.summary if found else None,
        analysis=AnalysisStateOut(
            status=found.status if found else "not_analysed",
            reason=found.reason if found else conversation.unanalysed,
        ),
        end_reason=call.end_reason,
        recording_available=call.recording_available,
        created_at=call.created_at,
        started_at=call.started_at,
        ended_at=call.ended_at,
    )


def said(rows: Sequence[TranscriptRow]) -> Iterator[SaidOut]:
    """One line a side: of an exchange the caller's words, then what was heard of the answer."""
    for row in rows:
        at, seconds = row.created_at, round(row.at_s, 3)
        if row.caller:
            yield SaidOut(
                role="user", content=row.caller, message=row.caller, timestamp=at, seconds=seconds, was_cut=False
            )
        if row.agent:
            role: Literal["agent", "human"] = "human" if row.is_human else "agent"
            yield SaidOut(
                role=role, content=row.agent, message=row.agent, timestamp=at, seconds=seconds, was_cut=row.was_cut
            )


OPERATIONS = (
    Operation(
        "GET",
        "/conversations",
        list_conversations,
        title="List conversations",
        group=GROUP,
        answer=PhoneConversationOut,
        query=ConversationQuery,
        lists=("conversations",),
        about="Newest first, with the status and the metrics of this moment: running calls too.",
        refusals=frozenset({404}),
    ),
    Operation(
        "GET",
        "/conversations/{conversation_id}",
        get_conversation,
        title="Read a conversation",
        group=GROUP,
        answer=PhoneConversationOut,
    ),
    Operation(
        "GET",
        "/conversations/{conversation_id}/transcript",
        get_transcript,
        title="Read a conversation's transcript",
        group=GROUP,
        answer=SpokenTranscriptOut,
        about="Only what was heard: of an answer that was interrupted, the part the caller heard.",
    ),
    Operation(
        "GET",
        "/conversations/{conversation_id}/audio",
        get_audio,
        title="Download a conversation's audio",
        group=GROUP,
        produces=MEDIA_TYPE,
        about="A stereo WAV file: the caller on the left, on the right what was heard of the agent. One `Range` of it"
        " may be asked for. 404 where the conversation was not recorded.",
        refusals=frozenset({416, 503}),
    ),
)
