"""What is told when an alert fires: to its channels, to subscriptions, and in a mail. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from parley.domain.alerts import Kind
from parley.domain.events import Payload, envelope, timestamp

ALERT_FIRED = "alert.fired"

# What subscriptions know by another name as well.
_KNOWN_AS = {"escalation": "escalation_triggered", "provider_failure": "system_error", "error_rate": "system_error"}

_UNITS: dict[Kind, str] = {
    "long_duration": "A call has gone on for {value:g} seconds.",
    "low_satisfaction": "A caller's satisfaction was judged to be {value:g} of 5.",
    "escalation": "A caller asked for a human, or was handed to one.",
    "provider_failure": "Something a call depends on failed.",
    "error_rate": "{share} of the calls that ended within {window} failed.",
    "queue_time": "A caller has waited for {value:g} seconds.",
}


class FiredAlert(msgspec.Struct, frozen=True, kw_only=True):
    """A firing with its rule, as it is told. `evidence` is ready for JSON."""

    firing_id: str
    alert_id: str
    name: str
    kind: Kind
    value: float
    count: int
    least_count: int
    window_s: int
    call_id: str | None
    agent_id: str | None
    evidence: Payload
    fired_at: datetime

    @property
    def sentence(self) -> str:
        """What happened, without any words that were spoken."""
        # Where several are asked for, `value` is how many there were.
        newest = self.evidence["occurrences"][-1]["value"]
        told = _UNITS[self.kind].format(value=newest, share=f"{self.value:.0%}", window=_spell(self.window_s))
        if self.kind != "error_rate" and self.least_count > 1:
            told += f" This was so {self.count} times within {_spell(self.window_s)}."
        return told


def fired(alert: FiredAlert, at: datetime) -> Payload:
    """`alert.fired`, as webhooks are told."""
    return envelope(ALERT_FIRED, channel="alert", agent_id=alert.agent_id, at=at, data=_data(alert), history=[])


def fired_flat(alert: FiredAlert, at: datetime) -> list[Payload]:
    """What subscriptions are told: `alert_fired`, and the name that some kinds have besides."""
    facts: Payload = {
        "alert_id": alert.alert_id,
        "alert_name": alert.name,
        "firing_id": alert.firing_id,
        "kind": alert.kind,
        "message": alert.sentence,
        "value": alert.value,
        "call_id": alert.call_id,
        "agent_id": alert.agent_id,
    }
    names = ["alert_fired", *([_KNOWN_AS[alert.kind]] if alert.kind in _KNOWN_AS else [])]
    return [{"event": name, "timestamp": timestamp(at), **facts, "data": facts} for name in names]


def mail(alert: FiredAlert) -> tuple[str, str]:
    """Subject and text of the mail. What callers said is not mailed; the firing's evidence has it."""
    call = f"\nCall: {alert.call_id}" if alert.call_id else ""
    text = (
        f"{alert.sentence}\n\nAlert: {alert.name}\nFired: {timestamp(alert.fired_at)}{call}\n"
        f"Evidence: the firing {alert.firing_id} in the list of firings.\n"
    )
    return f"[parley] {' '.join(alert.name.split())}", text


def _data(alert: FiredAlert) -> dict[str, Any]:
    return {
        "id": alert.firing_id,
        "alertId": alert.alert_id,
        "name": alert.name,
        "kind": alert.kind,
        "message": alert.sentence,
        "value": alert.value,
        "callId": alert.call_id,
        "agentId": alert.agent_id,
        "evidence": alert.evidence,
        "firedAt": timestamp(alert.fired_at),
    }


def _spell(seconds: int) -> str:
    for unit, name in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds % unit == 0:
            number = seconds // unit
            return f"{number} {name}{'s' if number > 1 else ''}"
    return f"{seconds} seconds"
