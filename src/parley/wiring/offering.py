"""Everything the API may call, from the ground and the families that stand on it."""

from __future__ import annotations

from parley.api.operations import Services
from parley.domain.voices import DEFAULT_VOICE_ID
from parley.services.agents import Agents
from parley.services.calls import Calls
from parley.services.conversations import Conversations
from parley.services.idempotency import Idempotency
from parley.services.live_view import LiveView
from parley.services.messages import Messages
from parley.services.numbers import Numbers
from parley.services.phone_conversations import PhoneConversations
from parley.services.projects import Projects
from parley.services.queues import Queues
from parley.services.routing import Routing
from parley.services.routing_explained import RoutingExplanations
from parley.services.transcripts import Transcripts
from parley.services.trunks import Trunks
from parley.services.usage import Usage
from parley.wiring import adapters
from parley.wiring.alerting import Alerting
from parley.wiring.diagnosing import Diagnosing
from parley.wiring.ground import Ground
from parley.wiring.insight import Insight
from parley.wiring.recording import Recording


def offered(
    ground: Ground,
    taped: Recording,
    learnt: Insight,
    alarm: Alerting,
    doctor: Diagnosing,
    calls: Calls,
    live: LiveView,
) -> Services:
    """The use cases, one a noun."""
    database, cipher, told, limits = ground.database, ground.cipher, ground.told, ground.limits
    numbers = Numbers(
        database, ground.accounts, ground.credentials, ground.carriers, ground.hooks, ground.defaults.carrier, limits
    )
    return Services(
        projects=Projects(database),
        agents=Agents(database),
        numbers=numbers,
        routing=Routing(database, cipher, numbers),
        routing_explanations=RoutingExplanations(database),
        queues=Queues(database, limits),
        trunks=Trunks(database, cipher),
        phone_conversations=PhoneConversations(database),
        call_tests=doctor.call_tests,
        diagnostics=doctor.diagnostics,
        integration_health=doctor.integration_health,
        calls=calls,
        recordings=taped.recordings,
        analyses=learnt.analyses,
        analytics=learnt.analytics,
        voicemails=taped.voicemails,
        messages=Messages(database, told.announcements, ground.accounts, ground.carriers, ground.hooks, limits),
        conversations=Conversations(database),
        webhooks=told.webhooks,
        webhook_tests=told.tests,
        subscriptions=told.subscriptions,
        deliveries=told.deliveries,
        credentials=ground.credentials,
        voices=adapters.voices(ground.settings, ground.credentials, ground.http, ground.defaults),
        transcripts=Transcripts(database),
        live=live,
        usage=Usage(database, limits, ground.defaults.max_call_duration_s),
        alerts=alarm.alerts,
        idempotency=Idempotency(database, cipher),
        default_voice=DEFAULT_VOICE_ID,
    )
