"""Calls as they happen: watched as server-sent events, and steered. The websockets are in `live_sockets`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from parley.api.live_events import as_text, spelled
from parley.api.operations import Ask, Operation, Streamed
from parley.api.transcripts import MEDIA_TYPE
from parley.domain.live_events import HandBack, SayLine, TakeOver, Whisper
from parley.schemas.answers import Success
from parley.schemas.dialects import NATIVE, THREETONE, Dialect
from parley.schemas.live import (
    HandBackCreate,
    LiveEventOut,
    LiveQuery,
    LiveTokenCreate,
    LiveTokenOut,
    SayCreate,
    TakeOverCreate,
    TransferCreate,
    WhisperCreate,
)
from parley.services.live_view import Heartbeat, Watching
from parley.services.projects import Opened

GROUP = "Live"
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_RECONNECT_MS = 2000


def opened(ask: Ask[Any, Any]) -> Opened:
    """Who asks."""
    return Opened(ask.project_id, ask.key_id)


def _call_id(ask: Ask[Any, Any]) -> str:
    return next(iter(ask.ids.values()))


# ---------------------------------------------------------------- watching


async def new_token(ask: Ask[LiveTokenCreate, None]) -> LiveTokenOut:
    token, expires_at = await ask.services.live.new_token(opened(ask), ask.body.call_id)
    return LiveTokenOut(token=token.reveal(), expires_at=expires_at)


async def _watch(ask: Ask[None, LiveQuery], dialect: Dialect) -> Streamed:
    watching = await ask.services.live.watch(opened(ask), next(iter(ask.ids.values()), None))
    return Streamed(MEDIA_TYPE, _events(watching, dialect), headers=_HEADERS)


async def watch(ask: Ask[None, LiveQuery]) -> Streamed:
    return await _watch(ask, NATIVE)


async def watch_in_snake_case(ask: Ask[None, LiveQuery]) -> Streamed:
    return await _watch(ask, THREETONE)


async def _events(watching: Watching, dialect: Dialect) -> AsyncIterator[bytes]:
    try:
        yield f"retry: {_RECONNECT_MS}\n\n".encode()
        async for shown in watching:
            if isinstance(shown, Heartbeat):
                yield b": heartbeat\n\n"
            elif (event := spelled(shown, dialect)) is not None:
                yield f"event: {event['event']}\ndata: {as_text(event)}\n\n".encode()
    finally:
        await watching.aclose()


# ---------------------------------------------------------------- steering


async def whisper(ask: Ask[WhisperCreate, None]) -> Success:
    await ask.services.live.steer(opened(ask), _call_id(ask), Whisper(ask.body.text))
    return Success()


async def say(ask: Ask[SayCreate, None]) -> Success:
    await ask.services.live.steer(opened(ask), _call_id(ask), SayLine(ask.body.text, ask.body.protected))
    return Success()


async def transfer(ask: Ask[TransferCreate, None]) -> Success:
    await ask.services.live.transfer(opened(ask), _call_id(ask), ask.body.to_number, ask.body.say)
    return Success()


async def take_over(ask: Ask[TakeOverCreate, None]) -> Success:
    by = ask.body.name or ask.key_id
    await ask.services.live.steer(opened(ask), _call_id(ask), TakeOver(by, float(ask.body.for_seconds)))
    return Success()


async def hand_back(ask: Ask[HandBackCreate, None]) -> Success:
    await ask.services.live.steer(opened(ask), _call_id(ask), HandBack(ask.body.note, ask.body.say))
    return Success()


_EVENTS = (
    " Asked to upgrade to a websocket, the same URL answers with one: the same events as JSON texts, and commands the"
    " other way. First comes a `snapshot` of the live calls; then `call.started`, `state`, `words` (of the caller,"
    " interim and final), `agent.words` (what was truly heard), `turn` (a finished row with its latencies),"
    " `interrupted`, `problem`, `queue` and `call.ended` as they happen. Who reads too slowly is told `dropped` with a"
    " fresh snapshot. A comment comes every 15 s. A client that cannot send headers asks for a live token first."
)


def watching_of(path: str, title: str, about: str, dialect: Dialect) -> Operation:
    """One stream at its path, spelled as the dialect spells."""
    return Operation(
        "GET",
        path,
        watch if dialect is NATIVE else watch_in_snake_case,
        title=title,
        group=GROUP,
        answer=LiveEventOut,
        query=LiveQuery,
        produces=MEDIA_TYPE,
        about=about + _EVENTS,
        refusals=frozenset({429, 503}),
        takes_token=True,
        is_endless="{" not in path,
    )


def steering_of(call: str) -> tuple[Operation, ...]:
    """What may be done to the live call at this path."""
    return (
        Operation(
            "POST",
            f"{call}/whisper",
            whisper,
            title="Whisper to a call's agent",
            group=GROUP,
            body=WhisperCreate,
            about="The caller hears nothing. A chat model has it as an instruction from its next turn on; a webhook is"
            " told all whispers so far with every turn, in `data.whispers`.",
        ),
        Operation(
            "POST",
            f"{call}/say",
            say,
            title="Let a call's agent say a line",
            group=GROUP,
            body=SayCreate,
            about="Now, or behind what it is saying.",
        ),
        Operation(
            "POST",
            f"{call}/transfer",
            transfer,
            title="Transfer a live call",
            group=GROUP,
            body=TransferCreate,
            about="To a number, by default the agent's `transferNumber`. The carrier rings it; where it is busy or"
            " nobody answers, the caller is the agent's again. What became of it is in the call's `transfers`.",
        ),
        Operation(
            "POST",
            f"{call}/take-over",
            take_over,
            title="Take a call over",
            group=GROUP,
            body=TakeOverCreate,
            about="The agent falls silent at once and answers nothing; the caller's words are still recognised. Ask"
            " again to go on for longer; afterwards the agent comes back with a line. To speak yourself, take over on"
            " the call's websocket. 409 where somebody else has the call.",
        ),
        Operation(
            "POST",
            f"{call}/hand-back",
            hand_back,
            title="Hand a call back to its agent",
            group=GROUP,
            body=HandBackCreate,
            about="The agent goes on, and knows what was said meanwhile.",
        ),
    )


TOKEN = Operation(
    "POST",
    "/live/token",
    new_token,
    title="Get a token for a live stream",
    group=GROUP,
    answer=LiveTokenOut,
    body=LiveTokenCreate,
    status=201,
    about="For browsers, whose websockets and event sources send no headers: an API key never belongs into a URL. It"
    " opens one stream, within a minute.",
    refusals=frozenset({404, 429}),
)

OPERATIONS: tuple[Operation, ...] = (
    TOKEN,
    watching_of("/calls/live", "Watch all live calls", "What happens in every call of the project.", NATIVE),
    watching_of("/calls/{call_id}/live", "Watch a live call", "What happens in one call, until it is over.", NATIVE),
    *steering_of("/calls/{call_id}"),
)
