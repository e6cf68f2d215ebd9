"""Calls and turns for the responders' tests."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

from parley.domain.agents import AgentSnapshot, ModelChoice
from parley.domain.calls import CallPlan, WebhookTarget
from parley.domain.secrets import Secret
from parley.providers.protocols import HistoryLine, ReplyPart, TextPart, TurnRequest
from tests.emulators.webhook import WebhookEmulator


def at_s(seconds: float) -> datetime:
    """A moment of the call."""
    return datetime(2026, 1, 2, 3, 4, tzinfo=UTC) + timedelta(seconds=seconds)


HISTORY = (
    HistoryLine("agent", "Hello!", at_s(0.5)),
    HistoryLine("caller", "Are you open?", at_s(4.0)),
    HistoryLine("agent", "Yes, until", at_s(6.0)),
    HistoryLine("agent", "", at_s(8.0)),
    HistoryLine("caller", "Until when?", at_s(10.0)),
)


def turn(
    webhook: WebhookEmulator | None = None,
    *,
    timeout_s: float = 2.0,
    context_limit: int = 10,
    transfer_number: str = "",
    model: ModelChoice = ModelChoice(),  # noqa: B008 - frozen
    system_prompt: str = "You are the front desk.",
    model_key: str = "sk-tenant",
) -> TurnRequest:
    target = None
    if webhook is not None:
        target = WebhookTarget(webhook.url, webhook.secret, "wh_1", context_limit=context_limit, timeout_s=timeout_s)
    agent = AgentSnapshot(
        id="agent_1",
        name="Desk",
        voice_mode="webhook" if target else "hosted",
        system_prompt=system_prompt,
        transfer_number=transfer_number,
        model=model,
    )
    plan = CallPlan(
        call_id="call_1",
        project_id="proj_1",
        direction="inbound",
        from_number="+15559876543",
        to_number="+15551234567",
        agent=agent,
        number_id="num_1",
        webhook=target,
        model_key=Secret(model_key),
    )
    return TurnRequest(plan, reply=1, transcript="Until when?", confidence=0.9, history=HISTORY)


async def collect(reply: AsyncGenerator[ReplyPart, None]) -> list[ReplyPart]:
    async with aclosing(reply):
        return [part async for part in reply]


def text_of(parts: list[ReplyPart]) -> str:
    return "".join(part.text for part in parts if isinstance(part, TextPart))
