"""What routing decided about one call, and why: stored with the call, and what an explanation shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from parley.domain.routing import shapes
from parley.domain.routing.facts import Facts

Action = Literal["agent", "number", "queue", "voicemail", "announcement", "reject"]
Fallback = shapes.Fallback
Outcome = Literal["matched", "did_not_match", "not_reached", "does_not_apply"]


class Considered(msgspec.Struct, frozen=True):
    """One thing that was looked at, in the order of looking.

    `name` is stable: `number_rule.0`, `project_rule.2`, `business_hours`, `number_agent`, `default_agent`, `fallback`.
    `condition` is the rule's condition or empty. `why` is a sentence that says what was compared with what. `label` is
    the name that the customer gave the rule.
    """

    name: str
    condition: str
    outcome: Outcome
    why: str
    label: str = ""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Where one call goes. It is taken once, when the call rings; editing routing later never changes it.

    `matched` is the `name` of what decided. Which of the fields mean something depends on `action`: `agent_id` for
    `agent`; `phone_number` for `number`; `queue_id` for `queue`; `text` for `announcement` and, where not empty, as the
    greeting of `voicemail`. `fallback` is what becomes of the caller where the action cannot be carried out.
    `max_wait_s` is how long a caller may wait for an agent that is busy, to `queue_music`; 0 means not at all. `facts`
    are what was looked at.
    """

    action: Action
    matched: str
    agent_id: str | None = None
    phone_number: str | None = None
    queue_id: str | None = None
    text: str = ""
    priority: int = 0
    fallback: Fallback = "voicemail"
    max_wait_s: int = 300
    queue_music: str = "default"
    considered: tuple[Considered, ...] = ()
    facts: Facts | None = None

    @property
    def why(self) -> str:
        """The sentence of what decided."""
        return next((each.why for each in self.considered if each.name == self.matched), "")


def stored_decision(decision: Decision) -> dict[str, Any]:
    """As it is kept with its call, in JSON's own types."""
    kept: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(decision))
    return kept


def read_decision(stored: Mapping[str, Any]) -> Decision:
    """A decision as it was kept."""
    return msgspec.convert(stored, Decision)
