"""What a caller goes through after a decision: the decision alone does not say that its agent is busy."""

from __future__ import annotations

from parley.domain.decisions import Decision
from parley.domain.routing.shapes import Availability, Fallback

_OTHERWISE: dict[Fallback, str] = {"voicemail": "the caller is asked for a message", "hangup": "the call ends"}


def outlook(decision: Decision, availability: Availability = "available") -> str:
    """What happens next. `availability` is that of the agent whom the decision leads to."""
    otherwise = _OTHERWISE[decision.fallback]
    match decision.action:
        case "agent":
            return _with_agent(decision, availability, otherwise)
        case "queue":
            return f"The first agent of queue {decision.queue_id} that is free answers; till then the caller waits."
        case "number":
            return f"The carrier rings the number. If nobody answers there, {otherwise}."
        case "voicemail":
            return "The caller is asked for a message."
        case "announcement":
            return "The caller hears the text, and then the call ends."
        case "reject":
            return "The call is turned away."


def _with_agent(decision: Decision, availability: Availability, otherwise: str) -> str:
    name = f"Agent {decision.agent_id}"
    if availability == "available":
        return f"{name} is available and answers."
    if availability == "offline":
        return f"{name} is offline, for it has no active webhook to answer for it: {otherwise}."
    if decision.max_wait_s == 0:
        return f"{name} is busy, and nobody may wait: {otherwise}."
    return f"{name} is busy: the caller waits. After {decision.max_wait_s} seconds without an answer, {otherwise}."
