"""The voices an agent may have, over HTTP."""

from __future__ import annotations

from parley.api.operations import Ask, Listing, Operation
from parley.schemas.voices import VoiceOut


async def list_voices(ask: Ask[None, None]) -> Listing:
    return Listing(await ask.services.voices.list(ask.project_id))


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/agents/voices",
        list_voices,
        title="List voices",
        group="Agents",
        answer=VoiceOut,
        lists=("voices",),
        is_paged=False,
        about="The ids that clients know speak on every server; where their own provider is not set up, the closest"
        " voice of the one that is stands in. After them come the voices of your own accounts.",
    ),
)
