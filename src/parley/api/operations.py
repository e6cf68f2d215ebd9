"""What an API operation is: a value that says method, path, function and shapes, mounted later for each dialect.

An operation's function gets one `Ask` and returns what its `answer` schema shows (or a `Listing` of it). It parses
nothing, authenticates nobody and spells nothing: `mount` has done the first two and does the last.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Generic, Literal, TypeVar

from parley.schemas.answers import Success
from parley.schemas.base import Wire
from parley.schemas.fields import ID_PATTERN
from parley.services.agent_analytics import AgentAnalytics
from parley.services.agents import Agents
from parley.services.alerts import Alerts
from parley.services.analyses import Analyses
from parley.services.call_tests import CallTests
from parley.services.calls import Calls
from parley.services.conversations import Conversations
from parley.services.credentials import Credentials
from parley.services.deliveries import Deliveries
from parley.services.diagnostics import Diagnostics
from parley.services.idempotency import Idempotency
from parley.services.integration_health import IntegrationHealth
from parley.services.live_view import LiveView
from parley.services.messages import Messages
from parley.services.numbers import Numbers
from parley.services.phone_conversations import PhoneConversations
from parley.services.projects import Projects
from parley.services.queues import Queues
from parley.services.recordings import Recordings
from parley.services.routing import Routing
from parley.services.routing_explained import RoutingExplanations
from parley.services.subscriptions import Subscriptions
from parley.services.transcripts import Transcripts
from parley.services.trunks import Trunks
from parley.services.usage import Usage
from parley.services.voicemails import Voicemails
from parley.services.voices import Voices
from parley.services.webhook_tests import WebhookTests
from parley.services.webhooks import Webhooks

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
BodyT_co = TypeVar("BodyT_co", covariant=True)
QueryT_co = TypeVar("QueryT_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases the API may call, one a noun. An agent that names no voice is shown with `default_voice`."""

    projects: Projects
    agents: Agents
    numbers: Numbers
    routing: Routing
    routing_explanations: RoutingExplanations
    queues: Queues
    trunks: Trunks
    phone_conversations: PhoneConversations
    call_tests: CallTests
    diagnostics: Diagnostics
    integration_health: IntegrationHealth
    calls: Calls
    recordings: Recordings
    analyses: Analyses
    analytics: AgentAnalytics
    messages: Messages
    conversations: Conversations
    webhooks: Webhooks
    webhook_tests: WebhookTests
    subscriptions: Subscriptions
    deliveries: Deliveries
    credentials: Credentials
    voicemails: Voicemails
    voices: Voices
    transcripts: Transcripts
    live: LiveView
    usage: Usage
    alerts: Alerts
    idempotency: Idempotency
    default_voice: str


@dataclass(frozen=True, slots=True)
class Ask(Generic[BodyT_co, QueryT_co]):
    """One authenticated, validated request. `ids` holds the path's parameters, already of an id's form; `key_id` names
    the API key in logs.

    `byte_range` is the Range header, for operations that answer with files; `last_event_id` is the header of that name,
    for those that answer with events.
    """

    services: Services
    project_id: str
    body: BodyT_co
    query: QueryT_co
    ids: Mapping[str, str]
    key_id: str = ""
    byte_range: str = ""
    last_event_id: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """What an operation that lists returns: one page of rows, and `total` where the list is paged."""

    rows: Sequence[Any]
    total: int | None = None
    limit: int = 0
    offset: int = 0
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Streamed:
    """What an operation returns whose answer is no JSON: bytes as they come, declared as `media_type`.

    `status` and `headers` are the answer's own (a part of a file is a 206 with its range).
    """

    media_type: str
    chunks: AsyncIterator[bytes]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing a client can do.

    `path` is below the dialect's prefix. `answer` is the shape of the result, or of each row where it `lists` (the
    plural of its rows, and a second name where clients read one); `is_paged` lists have a total, an `is_bare` one is a
    plain array, for clients that know it so. `nullable` results may be None, shown as JSON null. `refusals` are the
    statuses it can answer with beside those every operation of its shape has. `shown_in` names the dialect a result
    belongs to where a shared path cannot tell (a call is shown in the dialect it was created in). An operation that
    `produces` another media type than JSON returns a `Streamed`, and its `answer` is not looked at. One of
    `any_content_type` reads its body as JSON whatever the request declares. One that `takes_token` may be asked with a
    live token in its query instead of an API key. The answer of one that `is_endless` ends when the client leaves.
    """

    method: Method
    path: str
    run: Callable[[Ask[Any, Any]], Awaitable[Any]]
    title: str
    group: str
    answer: type[Wire] = Success
    body: type[Wire] | None = None
    query: type[Wire] | None = None
    lists: tuple[str, ...] = ()
    is_paged: bool = True
    is_bare: bool = False
    nullable: bool = False
    status: int = 200
    about: str = ""
    refusals: frozenset[int] = field(default_factory=frozenset)
    shown_in: Callable[[Any], str] | None = None
    produces: str = "application/json"
    any_content_type: bool = False
    takes_token: bool = False
    is_endless: bool = False

    @property
    def all_refusals(self) -> frozenset[int]:
        """Every error status this operation documents."""
        # A query may be sent to any of them, and be unreadable; and the database may be away.
        statuses = {400, 401, 503} | self.refusals
        if self.method == "POST":
            statuses |= {409}  # an Idempotency-Key that was used for another request
        if self.body is not None:
            statuses |= {413} if self.any_content_type else {413, 415}
        if self.names_ids:
            statuses |= {404}
        return frozenset(statuses)

    @property
    def names_ids(self) -> bool:
        """Whether its path, its body or its query names rows, which may not be there."""
        return "{" in self.path or any(_takes_ids(shape) for shape in (self.body, self.query) if shape is not None)


@cache
def _takes_ids(shape: type[Wire]) -> bool:
    return repr(ID_PATTERN) in str(shape.model_json_schema())
