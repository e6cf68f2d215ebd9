"""Who answers which call, on the wire: defaults, rules and hours, of a number or of a whole project."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from parley.domain.routing.shapes import LONGEST_QUEUE_S, Fallback
from parley.schemas.agents import Word
from parley.schemas.base import Wire, between
from parley.schemas.business_hours import CallRouting, Spoken
from parley.schemas.fields import Id
from parley.schemas.routing_rules import RoutingRule, RoutingRules

ROUTING_NOTE = "Calls follow it from the next one that rings; a call that was routed before stays where it is."


class RoutingConfig(Wire):
    """Who answers where no rule and no number says so. `max_queue_time` is in seconds.

    `voicemail_greeting` is what callers are asked for a message with where no rule and no hours have words of their
    own; without it they hear a friendly sentence in the agent's language.
    """

    default_agent: Id | None = None
    fallback_behavior: Fallback = "voicemail"
    max_queue_time: Annotated[int, between(0, LONGEST_QUEUE_S)] = 300
    queue_music: Word = "default"
    voicemail_greeting: Spoken | None = None


class ProjectRoutingPut(Wire):
    """Change the routing of all the project's numbers. What is left out stays, null clears.

    Business hours and a `routing_config` that a number has of its own stand in for these; its own rules come before.
    """

    call_routing: CallRouting | None = None
    routing_config: RoutingConfig | None = None
    routing_rules: RoutingRules | None = None

    def routing_sent(self) -> dict[str, Any]:
        """Those of the three routing objects that were sent, plain; None where one is to be cleared."""
        return routing_sent(self)


class NumberRoutingPut(ProjectRoutingPut):
    """Change the routing of one number. What is left out stays, null clears."""


class RoutingOut(Wire):
    """Routing as it is set. Calls follow it from the next one that rings; one that was routed stays where it is."""

    call_routing: CallRouting | None = None
    routing_config: RoutingConfig | None = None
    routing_rules: list[RoutingRule] = Field(default_factory=list)
    routing_applied: bool = True
    routing_note: str = ROUTING_NOTE


class ProjectRoutingOut(RoutingOut):
    """What holds for all numbers of the project."""


class NumberRoutingOut(RoutingOut):
    """What holds for one number, beside the routing of its project."""

    number_id: str


def routing_sent(change: Wire) -> dict[str, Any]:
    """The three routing objects of a request that has them: those that were sent, plain; None where one is cleared."""
    names = {"call_routing", "routing_config", "routing_rules"} & change.model_fields_set
    sent = change.model_dump(include=names, exclude_none=True)
    return sent | {name: None for name in names if getattr(change, name) is None}
