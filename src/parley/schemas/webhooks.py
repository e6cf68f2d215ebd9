"""Webhooks on the wire: set, shown and tested."""

from __future__ import annotations

from typing import Annotated, Literal

from parley.domain.secrets import Secret
from parley.schemas.base import Timestamp, Wire, between
from parley.schemas.fields import Id, Url


class WebhookPut(Wire):
    """Set the one webhook of a project or an agent; `timeout` limits a voice turn's wait for its first output.

    A `speculative` webhook is asked as soon as the caller has probably finished, so that its answer is ready when they
    have, and gets `agent.turn_canceled` when an answer is not heard, or not to its end.
    """

    url: Url
    context_limit: Annotated[int, between(0, 50)] = 10
    timeout: Annotated[float, between(5, 120)] = 30
    speculative: bool = False


class WebhookOut(Wire):
    id: str
    url: str
    secret: str
    status: str
    context_limit: int
    timeout: int | float
    speculative: bool
    agent_id: str | None
    created_at: Timestamp

    @classmethod
    def of(cls, row: object, secret: Secret) -> WebhookOut:
        """A webhook's row with its opened secret, which its owner may read again."""
        fields = ("id", "url", "status", "context_limit", "speculative", "agent_id", "created_at")
        values = {name: getattr(row, name) for name in fields}
        seconds = float(getattr(row, "timeout_s"))  # noqa: B009 - `row` is an object on purpose: schemas know no table
        timeout = int(seconds) if seconds.is_integer() else seconds
        return cls(**values, timeout=timeout, secret=secret.reveal())


class WebhookTestQuery(Wire):
    """Query of a test: the kind of event that is sent."""

    channel: Literal["sms", "voice"] = "sms"


class ProjectWebhookTestQuery(WebhookTestQuery):
    """With an `agentId`, the webhook that this agent's events go to is tested."""

    agent_id: Id | None = None


class SentTestOut(Wire):
    """What came of a test event, which is sent once. `success` is a 2xx, in `responseMs`; else `error` says in a word
    why not. `deliveryId` finds it among the deliveries."""

    success: bool
    status_code: int | None
    response_ms: int
    error: str | None
    delivery_id: str
    url: str
    event: str


class WebhookTestOut(SentTestOut):
    """`target` says whose webhook was tested, the `project`'s or an `agent`'s own.

    On the voice channel, success takes an answer that can be spoken or acted upon: `spoken` is the text the caller
    would hear, `actions` what else would be done (keys pressed, `hangup`, `transfer`, `stay silent`). Where nothing
    would be, `explanation` says why.
    """

    channel: str
    webhook_id: str
    target: str
    spoken: str | None = None
    actions: tuple[str, ...] = ()
    explanation: str | None = None
