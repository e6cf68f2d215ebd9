"""What was learnt from conversations: of one, and of an agent or all of a project's over time."""

from __future__ import annotations

from parley.api.analyses import GROUP, PROJECT_SERIES, agent_series
from parley.api.operations import Ask, Operation
from parley.schemas.analyses import ConversationAnalysisOut
from parley.storage.tables import AnalysisRow


async def get_analysis(ask: Ask[None, None]) -> AnalysisRow:
    return await ask.services.analyses.get(ask.project_id, ask.ids["conversation_id"])


async def analyse_again(ask: Ask[None, None]) -> AnalysisRow:
    return await ask.services.analyses.again(ask.project_id, ask.ids["conversation_id"])


OPERATIONS = (
    Operation(
        "GET",
        "/conversations/{conversation_id}/analysis",
        get_analysis,
        title="Read what was learnt from a conversation",
        group=GROUP,
        answer=ConversationAnalysisOut,
        about="Where no model has judged the conversation, what it would say is null, and `reason` says why.",
    ),
    Operation(
        "POST",
        "/conversations/{conversation_id}/analysis",
        analyse_again,
        title="Analyse a conversation again",
        group=GROUP,
        answer=ConversationAnalysisOut,
        status=202,
        about="409 while the conversation runs, and for a call that nobody answered.",
    ),
    agent_series("/analytics/agents/{agent_id}"),
    PROJECT_SERIES,
)
