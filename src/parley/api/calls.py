"""Calls over HTTP: placed, listed, read, ended."""

from __future__ import annotations

from parley.api.operations import Ask, Listing, Operation
from parley.schemas.calls import CallCreate, CallDetail, CallFilter, CallList, CallOut, TranscriptRowOut
from parley.storage.tables import CallRow

GROUP = "Calls"


async def create_call(ask: Ask[CallCreate, None]) -> CallRow:
    return await ask.services.calls.create(ask.project_id, ask.body)


async def list_calls(ask: Ask[None, CallList]) -> Listing:
    rows, total = await ask.services.calls.list(ask.project_id, ask.query)
    return Listing(rows, total, ask.query.limit, ask.query.offset)


async def list_agent_calls(ask: Ask[None, CallFilter]) -> Listing:
    return await _list_of(ask, agent_id=ask.ids["agent_id"])


async def list_number_calls(ask: Ask[None, CallFilter]) -> Listing:
    return await _list_of(ask, number_id=ask.ids["number_id"])


async def _list_of(ask: Ask[None, CallFilter], **owner: str) -> Listing:
    query = CallList(**ask.query.model_dump(), **owner)
    rows, total = await ask.services.calls.list(ask.project_id, query)
    return Listing(rows, total, query.limit, query.offset)


async def get_call(ask: Ask[None, None]) -> CallRow:
    return await ask.services.calls.get(ask.project_id, ask.ids["call_id"])


async def get_transcript(ask: Ask[None, None]) -> Listing:
    return Listing(await ask.services.calls.transcript(ask.project_id, ask.ids["call_id"]))


async def end_call(ask: Ask[None, None]) -> CallRow:
    return await ask.services.calls.end(ask.project_id, ask.ids["call_id"])


def _dialect_of(row: CallRow) -> str:
    """A path with an id and no body shows no spelling; whoever placed the call reads it as they placed it."""
    return row.dialect


OPERATIONS = (
    Operation(
        "POST",
        "/calls",
        create_call,
        title="Place a call",
        group=GROUP,
        answer=CallOut,
        body=CallCreate,
        status=201,
        about="The agent's first number is the caller ID unless you name another. With a `systemPrompt` the built-in"
        " chat model runs this call, whatever the agent's `voiceMode`.",
        refusals=frozenset({402, 404, 502, 503}),
    ),
    Operation(
        "GET", "/calls", list_calls, title="List calls", group=GROUP, answer=CallOut, query=CallList, lists=("calls",)
    ),
    Operation(
        "GET",
        "/agents/{agent_id}/calls",
        list_agent_calls,
        title="List an agent's calls",
        group=GROUP,
        answer=CallOut,
        query=CallFilter,
        lists=("calls",),
    ),
    Operation(
        "GET",
        "/numbers/{number_id}/calls",
        list_number_calls,
        title="List a number's calls",
        group=GROUP,
        answer=CallOut,
        query=CallFilter,
        lists=("calls",),
    ),
    Operation(
        "GET",
        "/calls/{call_id}",
        get_call,
        title="Read a call",
        group=GROUP,
        answer=CallDetail,
        about="With all that was said so far, and the latencies of every turn.",
        shown_in=_dialect_of,
    ),
    Operation(
        "GET",
        "/calls/{call_id}/transcript",
        get_transcript,
        title="Read a call's transcript",
        group=GROUP,
        answer=TranscriptRowOut,
        lists=("transcript",),
        is_paged=False,
    ),
    Operation(
        "POST",
        "/calls/{call_id}/end",
        end_call,
        title="End a call",
        group=GROUP,
        answer=CallOut,
        about="Hangs up through the carrier. A call that is over already stays as it is.",
        refusals=frozenset({502}),
        shown_in=_dialect_of,
    ),
)
