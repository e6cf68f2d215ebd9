"""Recordings of calls over HTTP: with an API key, and by signed links that need none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from parley.api.operations import Ask, Operation, Streamed
from parley.api.reading import check_ids
from parley.schemas.answers import Success
from parley.services.recordings import FoundRecording

GROUP = "Recordings"
MEDIA_TYPE = "audio/wav"


async def read_recording(ask: Ask[None, None]) -> Streamed:
    found, chunks = await ask.services.recordings.open(ask.project_id, ask.ids["call_id"], ask.byte_range)
    return streamed(found, chunks)


async def delete_recording(ask: Ask[None, None]) -> Success:
    await ask.services.recordings.delete(ask.project_id, ask.ids["call_id"])
    return Success()


def streamed(found: FoundRecording, chunks: AsyncIterator[bytes]) -> Streamed:
    """A recording, or the part of it that was asked for, as an operation answers it."""
    return Streamed(MEDIA_TYPE, chunks, status_of(found), headers_of(found))


def status_of(found: FoundRecording) -> int:
    return 206 if found.is_part else 200


def headers_of(found: FoundRecording) -> Mapping[str, str]:
    """What tells a player how much there is and where it is (RFC 9110, sections 14 and 15.3.7)."""
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "private",
        "Content-Disposition": f'inline; filename="{found.owner_id}.wav"',
        "Content-Length": str(found.end - found.start),
        "X-Content-Type-Options": "nosniff",
    }
    if found.is_part:
        headers["Content-Range"] = f"bytes {found.start}-{found.end - 1}/{found.size}"
    return headers


class LinkedAudio(Protocol):
    """Audio that signed links lead to."""

    async def find_linked(self, owner_id: str, expires: str, signature: str, byte_range: str = "") -> FoundRecording:
        """Raises Forbidden, NotFound and RangeNotSatisfiable."""
        ...

    async def read(self, found: FoundRecording) -> AsyncIterator[bytes]:
        """Raises NotFound and Unavailable before the first chunk."""
        ...


def audio_routes(folder: str, audio: LinkedAudio) -> list[BaseRoute]:
    """`GET` and `HEAD /{folder}/{id}.wav?expires=…&signature=…`: what `recordingUrl` and `audioUrl` lead to."""

    async def show(request: Request) -> Response:
        check_ids(request.path_params)
        query = request.query_params
        found = await audio.find_linked(
            request.path_params["owner_id"],
            query.get("expires", ""),
            query.get("signature", ""),
            request.headers.get("range", ""),
        )
        if request.method == "HEAD":
            return Response(None, status_of(found), headers_of(found), MEDIA_TYPE)
        return StreamingResponse(await audio.read(found), status_of(found), headers_of(found), MEDIA_TYPE)

    return [Route(f"/{folder}/{{owner_id}}.wav", show, methods=["GET"], include_in_schema=False)]


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/calls/{call_id}/recording",
        read_recording,
        title="Download a call's recording",
        group=GROUP,
        produces=MEDIA_TYPE,
        about="A stereo WAV file: the caller on the left, on the right what was heard of the agent. One `Range` of it"
        " may be asked for. 404 where a call has none.",
        refusals=frozenset({404, 416, 503}),
    ),
    Operation(
        "DELETE",
        "/calls/{call_id}/recording",
        delete_recording,
        title="Delete a call's recording",
        group=GROUP,
        answer=Success,
        about="For good. The call and its transcript stay.",
        refusals=frozenset({409, 503}),
    ),
)
