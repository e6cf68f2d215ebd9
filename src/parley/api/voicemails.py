"""Voicemail: the messages callers left."""

from __future__ import annotations

from parley.api.operations import Ask, Listing, Operation, Streamed
from parley.api.recordings import MEDIA_TYPE, streamed
from parley.schemas.answers import Success
from parley.schemas.voicemails import VoicemailList, VoicemailOut, VoicemailUpdate
from parley.storage.tables import VoicemailRow

GROUP = "Voicemail"
ABOUT_LIST = "Newest first. A message is here once its audio is stored; one in which nothing was said never is."


async def list_voicemails(ask: Ask[None, VoicemailList]) -> Listing:
    rows, total = await ask.services.voicemails.list(ask.project_id, ask.query)
    return Listing(rows, total, ask.query.limit, ask.query.offset)


async def get_voicemail(ask: Ask[None, None]) -> VoicemailRow:
    return await ask.services.voicemails.get(ask.project_id, ask.ids["voicemail_id"])


async def update_voicemail(ask: Ask[VoicemailUpdate, None]) -> VoicemailRow:
    return await ask.services.voicemails.update(ask.project_id, ask.ids["voicemail_id"], ask.body)


async def delete_voicemail(ask: Ask[None, None]) -> Success:
    await ask.services.voicemails.delete(ask.project_id, ask.ids["voicemail_id"])
    return Success()


async def read_audio(ask: Ask[None, None]) -> Streamed:
    return streamed(*await ask.services.voicemails.open_audio(ask.project_id, ask.ids["voicemail_id"], ask.byte_range))


BY_ID: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/voicemails/{voicemail_id}",
        get_voicemail,
        title="Read a voicemail",
        group=GROUP,
        answer=VoicemailOut,
    ),
    Operation(
        "GET",
        "/voicemails/{voicemail_id}/audio",
        read_audio,
        title="Listen to a voicemail",
        group=GROUP,
        produces=MEDIA_TYPE,
        about="The message as a WAV file. One `Range` of it may be asked for.",
        refusals=frozenset({416, 503}),
    ),
    Operation(
        "PATCH",
        "/voicemails/{voicemail_id}",
        update_voicemail,
        title="Mark a voicemail as heard",
        group=GROUP,
        answer=VoicemailOut,
        body=VoicemailUpdate,
        about="Or as not heard, with `heard` false. Listening alone marks nothing.",
    ),
    Operation(
        "DELETE",
        "/voicemails/{voicemail_id}",
        delete_voicemail,
        title="Delete a voicemail",
        group=GROUP,
        answer=Success,
        about="With its audio, for good. The call stays.",
        refusals=frozenset({503}),
    ),
)
"""What is the same wherever it is offered; lists are paged in each dialect's own way."""

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/voicemails",
        list_voicemails,
        title="List voicemails",
        group=GROUP,
        answer=VoicemailOut,
        query=VoicemailList,
        lists=("voicemails",),
        about=ABOUT_LIST,
        refusals=frozenset({404}),
    ),
    *BY_ID,
)
