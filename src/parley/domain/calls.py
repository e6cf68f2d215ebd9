"""A call: its status, how it may move, why it ends, and everything a live session needs to know to hold it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from parley.domain.agents import AgentSnapshot
from parley.domain.decisions import Fallback
from parley.domain.secrets import Secret
from parley.domain.stages import Stage
from parley.domain.transfers import ReturnedTransfer, Told
from parley.domain.webhooks import TargetKind

CallStatus = Literal["queued", "ringing", "in-progress", "completed", "failed"]
Direction = Literal["inbound", "outbound", "web"]
EndReason = Literal[
    "caller_hangup",
    "agent_hangup",
    "transferred",
    "api_request",
    "max_duration",
    "silence",
    "busy",
    "no_answer",
    "canceled",
    "carrier_failed",
    "media_lost",
    "provider_failed",
    "server_shutdown",
    "announced",
    "message_taken",
    "callback_wanted",
    "overflowed",
    "rejected",
    "no_agent",
    "limit_reached",
]

# A status only ever moves to a higher rank; the two ends share the top one, so the first end to arrive stays.
_RANK: dict[str, int] = {"queued": 0, "ringing": 1, "in-progress": 2, "completed": 3, "failed": 3}
ENDED: frozenset[str] = frozenset({"completed", "failed"})


def may_advance(current: str, proposed: str) -> bool:
    """Whether a call may move from `current` to `proposed`: reports come twice and in disorder, only forward counts."""
    return _RANK[proposed] > _RANK[current]


DEFAULT_CONTEXT_LIMIT = 10
"""How many recent messages a webhook is told where nobody said how many."""


class WebhookTarget(msgspec.Struct, frozen=True):
    """Where a customer wants to be asked and told. `timeout_s` limits the wait for the first output of a voice turn.

    `kind` says whose it is; a call's own URL has no `webhook_id`. One that is `speculative` is asked before a turn is
    certainly over, and told when nobody heard its answer.
    """

    url: str
    secret: Secret
    webhook_id: str = ""
    kind: TargetKind = "call"
    context_limit: int = DEFAULT_CONTEXT_LIMIT
    timeout_s: float = 30.0
    speculative: bool = False


class EarlierLine(msgspec.Struct, frozen=True):
    """What was said before a session took the call over; of an agent's line, what was heard."""

    role: Literal["caller", "agent", "human"]
    text: str
    at: datetime


class Continuation(msgspec.Struct, frozen=True):
    """Where a session goes on when another one may have held the call before it.

    Its rows are numbered from `first_row` and timed from `after_s` (seconds since the call was created), so that they
    stand behind the other one's and never replace them. `whispers` are what the agent was told before it handed the
    caller to a human, and `transfer` what came of that; with `is_back` the caller comes from there this very moment.
    """

    first_row: int
    after_s: float
    lines: tuple[EarlierLine, ...] = ()
    whispers: tuple[Told, ...] = ()
    transfer: ReturnedTransfer | None = None
    is_back: bool = False


class CallPlan(msgspec.Struct, frozen=True):
    """All a live session needs, gathered once when the call is created: nothing on the audio path reads a database.

    `webhook` is the customer's server that answers the turns of an agent in webhook mode; a hosted agent has none.
    Where a webhook should answer and none is set, every turn is silence. The `*_key` secrets are the
    project's own credential where it has one, else the operator's; `spare_keys` those of the agent's spare parts, by
    provider.

    With a `stage` nobody converses yet, or any more; `agent` then only says who hears and in which voice to speak.
    `fallback` is what becomes of the caller if the agent breaks down for good. No carrier knows of a call with
    `is_test`.
    """

    call_id: str
    project_id: str
    direction: Direction
    from_number: str
    to_number: str
    agent: AgentSnapshot
    number_id: str = ""
    webhook: WebhookTarget | None = None
    listen_key: Secret = Secret("")
    voice_key: Secret = Secret("")
    model_key: Secret = Secret("")
    spare_keys: Mapping[str, Secret] = {}
    carrier: str = "twilio"
    continues: Continuation | None = None
    stage: Stage | None = None
    fallback: Fallback = "hangup"
    is_test: bool = False
