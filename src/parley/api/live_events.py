"""How live events are spelled: one JSON object each, the same over a websocket and as a server-sent event."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic.alias_generators import to_camel

from parley.schemas.base import Wire
from parley.schemas.dialects import Dialect
from parley.schemas.live import LiveCallOut, LiveEventOut
from parley.services.live_view import Heartbeat, LiveCall, Shown, Snapshot
from parley.services.watchers import Dropped, Sound


def spelled(shown: Shown, dialect: Dialect) -> dict[str, Any] | None:
    """As the dialect's clients read it; None for a sound, which is no event."""
    if isinstance(shown, Sound):
        return None
    return _cased(dialect.spell(_event(shown)), dialect)


def as_text(event: Mapping[str, Any]) -> str:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))


def _event(shown: Snapshot | Heartbeat | Dropped | Any) -> Wire:
    match shown:
        case Snapshot():
            calls = [_call(live).model_dump(mode="json") for live in shown.calls]
            return LiveEventOut(event="snapshot", at=shown.at, data={"calls": calls, "is_cut": shown.is_cut})
        case Heartbeat():
            return LiveEventOut(event="heartbeat", at=shown.at, data={})
        case Dropped():
            return LiveEventOut(event="dropped", at=shown.at, data={"count": shown.count})
        case _:
            return LiveEventOut.model_validate(shown)


def _call(live: LiveCall) -> LiveCallOut:
    call, state = live.call, live.state
    stage = None if call.stage is None else str(call.stage.get("type", ""))
    return LiveCallOut(
        call_id=call.id,
        agent_id=call.agent_id,
        direction=call.direction,
        phone_number=call.phone_number,
        from_number=call.from_number,
        to_number=call.to_number,
        status=call.status,
        end_reason=call.end_reason,
        stage=stage,
        state=state.state if state is not None else "forwarding" if stage == "forwarding" else "unknown",
        taken_over_by=None if state is None else state.taken_over_by,
        seq=None if state is None else state.seq,
        started_at=call.started_at,
        created_at=call.created_at,
    )


def _cased(event: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
    """`data` is all ours, so its keys follow the dialect too, at any depth."""
    if dialect.casing == "camelCase":
        event["data"] = _camel(event["data"])
    return event


def _camel(value: Any) -> Any:
    if isinstance(value, dict):
        return {to_camel(name): _camel(each) for name, each in value.items()}
    return [_camel(each) for each in value] if isinstance(value, list) else value
