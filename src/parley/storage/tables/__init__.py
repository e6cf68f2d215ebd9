"""The tables, a file a family of nouns."""

from parley.storage.tables.accounts import ApiKeyRow, CredentialRow, IdempotencyRow, ProjectRow
from parley.storage.tables.agents import AgentRow, DiagnosticRow, NumberRow, TrunkRow
from parley.storage.tables.base import Row
from parley.storage.tables.calls import CallRow, StreamTokenRow, TranscriptRow
from parley.storage.tables.desk import QueueEntryRow, QueueRow, VoicemailRow
from parley.storage.tables.insight import AlertFiringRow, AlertRuleRow, AnalysisRow, HealthStateRow, ProblemRow
from parley.storage.tables.live import LiveTokenRow
from parley.storage.tables.messages import ConversationRow, MessageRow
from parley.storage.tables.webhooks import DeliveryRow, SubscriptionRow, WebhookRow

__all__ = [
    "AgentRow",
    "AlertFiringRow",
    "AlertRuleRow",
    "AnalysisRow",
    "ApiKeyRow",
    "CallRow",
    "ConversationRow",
    "CredentialRow",
    "DeliveryRow",
    "DiagnosticRow",
    "HealthStateRow",
    "IdempotencyRow",
    "LiveTokenRow",
    "MessageRow",
    "NumberRow",
    "ProblemRow",
    "ProjectRow",
    "QueueEntryRow",
    "QueueRow",
    "Row",
    "StreamTokenRow",
    "SubscriptionRow",
    "TranscriptRow",
    "TrunkRow",
    "VoicemailRow",
    "WebhookRow",
]
