"""What is said in a call, as it is said: server-sent events (HTML Living Standard, section 9.2).

Framed here and not by a library: the framing is four lines, and the one at hand patches the server's signal handlers
to learn that it stops, which this server tells its streams itself.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from parley.api.operations import Ask, Operation, Streamed
from parley.schemas.calls import CallEvent, TranscriptRowOut
from parley.schemas.dialects import NATIVE
from parley.services.transcripts import Connected, Ended, News, TurnNews

MEDIA_TYPE = "text/event-stream"
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # the second is nginx's: pass it on at once
_RECONNECT_MS = 2000


async def follow_transcript(ask: Ask[None, None]) -> Streamed:
    news = await ask.services.transcripts.follow(ask.project_id, ask.ids["call_id"], ask.last_event_id)
    return Streamed(MEDIA_TYPE, _events(news), headers=_HEADERS)


async def _events(news: AsyncGenerator[News, None]) -> AsyncIterator[bytes]:
    async with aclosing(news):
        async for each in news:
            yield _event(each)


def _event(news: News) -> bytes:
    match news:
        case Connected(call):
            return f"retry: {_RECONNECT_MS}\n".encode() + _framed("connected", CallEvent.model_validate(call))
        case TurnNews(row, place):
            return f"id: {place}\n".encode() + _framed("turn", TranscriptRowOut.model_validate(row))
        case Ended(call):
            return _framed("ended", CallEvent.model_validate(call))
        case _:
            return b": heartbeat\n\n"


def _framed(name: str, shown: CallEvent | TranscriptRowOut) -> bytes:
    """One event. JSON without line breaks is one `data` line, whatever was said."""
    data: dict[str, Any] = NATIVE.spell(shown)
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/calls/{call_id}/transcript/stream",
        follow_transcript,
        title="Follow a call's transcript",
        group="Calls",
        answer=TranscriptRowOut,
        produces=MEDIA_TYPE,
        about="Server-sent events: `connected` with the call's id and status; `turn` with a transcript row, first for"
        " every row so far and then whenever one appears or changes (same `id` in its data); `ended` when the call is"
        " over, and with it the stream. A comment comes every 15 s. Who comes back with `Last-Event-ID` is not told"
        " again what it has seen. The stream also ends when this server stops: then simply follow again.",
        refusals=frozenset({429, 503}),
    ),
)
