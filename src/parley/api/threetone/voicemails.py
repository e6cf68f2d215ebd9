"""Voicemail, listed by cursor."""

from __future__ import annotations

from parley.api.operations import Ask, Listing, Operation
from parley.api.paging import page_of
from parley.api.voicemails import ABOUT_LIST, BY_ID, GROUP
from parley.schemas.voicemails import VoicemailOut, VoicemailPage


async def list_voicemails(ask: Ask[None, VoicemailPage]) -> Listing:
    found = await ask.services.voicemails.list_after(ask.project_id, ask.query)
    return page_of(found.rows, found.total, found.next_id, ask.query)


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/voicemails",
        list_voicemails,
        title="List voicemails",
        group=GROUP,
        answer=VoicemailOut,
        query=VoicemailPage,
        lists=("voicemails",),
        about=ABOUT_LIST,
        refusals=frozenset({404}),
    ),
    *BY_ID,
)
