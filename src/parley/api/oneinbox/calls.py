"""Calls as OneInbox clients place and poll them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from parley.api.calls import GROUP, end_call, get_call
from parley.api.operations import Ask, Listing, Operation
from parley.domain.calls import CallStatus
from parley.domain.errors import BadInput, FieldError
from parley.schemas.call_polls import CallOverrides, CallPlace, CallPollList, PolledCall, PolledCallDetail, PolledStatus
from parley.schemas.calls import CallCreate, CallList
from parley.schemas.dialects import ONEINBOX
from parley.storage.tables import CallRow

_STATUSES: Mapping[PolledStatus, Sequence[CallStatus]] = {
    "queued": (),
    "initiated": ("queued", "ringing"),
    "in_progress": ("in-progress",),
    "completed": ("completed",),
    "failed": ("failed",),
}
# A request with one of these was written for the native API, where the agent's first number is the caller ID.
_NATIVE_FIELDS = frozenset({"from_number_id", "initial_greeting", "system_prompt", "voice"})


async def place_call(ask: Ask[CallPlace, None]) -> CallRow:
    return await ask.services.calls.create(ask.project_id, _as_native(ask.body), ONEINBOX.name)


async def list_calls(ask: Ask[None, CallPollList]) -> Listing:
    query = ask.query
    statuses = _STATUSES[query.status] if query.status is not None else None
    wanted = CallList(**query.model_dump(exclude={"status"}))
    rows, total = await ask.services.calls.list(ask.project_id, wanted, statuses)
    return Listing(rows, total, query.limit, query.offset)


def _as_native(body: CallPlace) -> CallCreate:
    """The same call in the words of the service. Raises BadInput for what would have to be ignored."""
    if body.scheduled_at is not None:
        raise _refusal("scheduled_at", "is not supported: calls are placed at once; send the request when it is time")
    if body.from_number is None and not _NATIVE_FIELDS & body.model_fields_set:
        raise _refusal("from_number", "is required")
    fields = {name: getattr(body, name) for name in CallCreate.model_fields}
    overrides = body.overrides or CallOverrides()
    if body.voice is not None and overrides.tts is not None and overrides.tts.voice_id is not None:
        raise _refusal("overrides.tts.voice_id", "says the same as `voice`; send one of the two")
    for name, (written, value) in _overrides(overrides).items():
        if value is None:
            continue
        if fields[name] is not None:
            raise _refusal(f"overrides.{written}", f"says the same as `{name}`; send one of the two")
        fields[name] = value
    return CallCreate(**fields)


def _overrides(wanted: CallOverrides) -> Mapping[str, tuple[str, Any]]:
    """By the native field: the override that says the same, and its value."""
    llm, tts, ears = (
        part.model_dump(exclude_none=True) if part else {} for part in (wanted.llm, wanted.tts, wanted.transcriber)
    )
    prompt, voice = llm.pop("system_prompt", None), tts.pop("voice_id", None)
    speech = tts | ({"voice": voice} if voice is not None else {})
    return {
        "initial_greeting": ("first_message", wanted.first_message),
        "system_prompt": ("llm.system_prompt", prompt),
        "language_model": ("llm", llm or None),
        "text_to_speech": ("tts", speech or None),
        "speech_to_text": ("transcriber", ears or None),
    }


def _refusal(field: str, message: str) -> BadInput:
    return BadInput(f"`{field}` {message}.", [FieldError(field, message)])


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "POST",
        "/calls",
        place_call,
        title="Place a call",
        group=GROUP,
        answer=PolledCallDetail,
        body=CallPlace,
        status=201,
        about="`variables` fill `{{name}}` in prompt and greeting, and `webhook_url` gets this call's turns and events."
        " Poll the call until its `status` is `completed`, then read `transcript`.",
        refusals=frozenset({402, 404, 502, 503}),
    ),
    Operation(
        "GET",
        "/calls",
        list_calls,
        title="List calls",
        group=GROUP,
        answer=PolledCall,
        query=CallPollList,
        lists=("calls",),
        refusals=frozenset({404}),
    ),
    Operation(
        "GET",
        "/calls/{call_id}",
        get_call,
        title="Read a call",
        group=GROUP,
        answer=PolledCallDetail,
        about="With all that was heard so far, line by line. A call placed through the native API is shown as that"
        " one shows it.",
    ),
    *(
        Operation(
            "POST",
            path,
            end_call,
            title=title,
            group=GROUP,
            answer=PolledCallDetail,
            about="Hangs up through the carrier. A call that is over already stays as it is.",
            refusals=frozenset({502}),
        )
        for path, title in (("/calls/{call_id}/stop", "Stop a call"), ("/calls/{call_id}/end", "End a call"))
    ),
)
