"""Test events: sent when their owner asks, at once and once, and told as they went."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import aclosing
from datetime import datetime
from typing import Any

from parley.conversation.answering.speakable import Speakable
from parley.domain import flat_events, samples
from parley.domain.agents import AgentSnapshot
from parley.domain.calls import CallPlan, WebhookTarget
from parley.domain.errors import NotFound, ProviderError
from parley.domain.events import AGENT_MESSAGE, Payload, TurnDelivery
from parley.domain.ids import new_id
from parley.domain.webhooks import SendResult, classify
from parley.providers.protocols import (
    DigitsPart,
    HangupPart,
    HistoryLine,
    ReplyPart,
    Responder,
    SilencePart,
    TextPart,
    TransferPart,
    TurnRequest,
)
from parley.schemas.webhooks import SentTestOut, WebhookTestOut
from parley.services.defaults import Clock, utc_now
from parley.services.delivery_worker import SEND_TIMEOUT_S, Sender, noted
from parley.services.destinations import Destination, Destinations
from parley.services.webhooks import Webhooks
from parley.storage import agents, deliveries, subscriptions, webhooks
from parley.storage.database import Database

REST_OF_ANSWER_S = 10.0
"""How much longer than its first output a test's answer may take; a real turn's may take longer."""
_SILENT = "The answer has no `text` that can be spoken and asks for nothing else: the caller would hear silence."
_UNFINISHED = "The answer had not ended when the test did; end it with a line without `interim`."

ToAsk = Callable[[Callable[[CallPlan, TurnDelivery], None]], Responder]
"""Makes somebody who asks webhooks, and who tells each asking to the function given."""


class WebhookTests:
    """A disabled target is tested too: its owner wants to know whether it is back. Nothing here switches one."""

    def __init__(
        self,
        database: Database,
        own: Webhooks,
        destinations: Destinations,
        sender: Sender,
        to_ask: ToAsk,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._own = own
        self._destinations = destinations
        self._sender = sender
        self._to_ask = to_ask
        self._clock = clock

    async def webhook(
        self, project_id: str, agent_id: str | None, channel: str, *, only_own: bool = False
    ) -> WebhookTestOut:
        """Test the webhook that an agent's events go to (`only_own`: the agent's own), or the project's.

        Raises NotFound for a foreign agent and where no such webhook is set.
        """
        async with self._database.read() as session:
            if agent_id is not None:
                await agents.get(session, project_id, agent_id)
            find = webhooks.get if only_own else webhooks.applying
            row = await find(session, project_id, agent_id)
        if row is None:
            raise NotFound("There is no webhook to test. Set one first.")
        target, now = self._own.target(row), self._clock()
        about: dict[str, Any] = {"channel": channel, "webhook_id": row.id, "target": target.kind, "url": row.url}
        if channel == "voice":
            delivery, heard = await self._ask(project_id, agent_id or samples.TEST_AGENT_ID, target, now)
            out = WebhookTestOut(**about, event=AGENT_MESSAGE, **delivery, **heard)
        else:
            event = samples.text_message(agent_id or samples.TEST_AGENT_ID, target.context_limit, now)
            sent, excerpt = await self._send(self._destinations.to_webhook(target), event, now)
            out = WebhookTestOut(**about, event=samples.TEST_EVENT, **sent)
            about["response_body"] = excerpt
        await self._keep(project_id, agent_id, out, now, about)
        return out

    async def subscription(self, project_id: str, subscription_id: str) -> SentTestOut:
        """Test a subscription, whichever events it wants. Raises NotFound."""
        async with self._database.read() as session:
            row = await subscriptions.get(session, project_id, subscription_id)
        now, event = self._clock(), flat_events.TEST_EVENT
        sent, excerpt = await self._send(self._destinations.to_subscription(row), flat_events.sample(now), now)
        out = SentTestOut(url=row.url, event=event, **sent)
        about = {"channel": "voice", "subscription_id": row.id, "target": "subscription", "url": row.url}
        await self._keep(project_id, None, out, now, about | {"response_body": excerpt})
        return out

    async def _send(self, to: Destination, event: Payload, now: datetime) -> tuple[dict[str, Any], str | None]:
        """What a `SentTestOut` says of a request, and how its answer began."""
        delivery_id = new_id("evt")
        body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        headers = to.sign(delivery_id, int(now.timestamp()), body)
        result = await self._sender.send(to.url, headers, body, SEND_TIMEOUT_S)
        return {"delivery_id": delivery_id, **_told(result)}, noted(result)["response_body"]

    async def _ask(
        self, project_id: str, agent_id: str, target: WebhookTarget, now: datetime
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """A voice turn as in a call: what a `SentTestOut` says of the request, and what became of the answer."""
        askings: list[TurnDelivery] = []
        responder = self._to_ask(lambda plan, delivery: askings.append(delivery))
        plan = _plan(project_id, agent_id, target)
        line = HistoryLine("caller", samples.SPOKEN_TEST, now)
        turn = TurnRequest(plan, 1, samples.SPOKEN_TEST, 1.0, (line,))
        parts: list[ReplyPart] = []
        trouble: str | None = None
        try:
            async with asyncio.timeout(target.timeout_s + REST_OF_ANSWER_S), aclosing(responder.respond(turn)) as reply:
                async for part in reply:
                    parts.append(part)  # noqa: PERF401 - those that came before a failure count
        except ProviderError as failed:
            trouble = failed.message
        except TimeoutError:
            trouble = _UNFINISHED
        [asking] = askings
        heard = _heard(parts)
        is_silent = not heard["spoken"] and not heard["actions"]
        error = asking.error or ("silent" if is_silent else None)
        told = {
            "delivery_id": asking.delivery_id,
            "success": error is None,
            "status_code": asking.http_status,
            "response_ms": asking.response_ms,
            "error": error,
        }
        return told, heard | {"explanation": trouble or (_SILENT if is_silent else None)}

    async def _keep(
        self, project_id: str, agent_id: str | None, out: SentTestOut, now: datetime, about: Mapping[str, Any]
    ) -> None:
        values = {
            **about,
            "id": out.delivery_id,
            "project_id": project_id,
            "agent_id": agent_id,
            "event_type": out.event,
            "status": "success" if out.success else "failed",
            "attempts": 1,
            "http_status": out.status_code,
            "error_message": out.error,
            "response_ms": out.response_ms,
            "last_attempt_at": now,
            "created_at": now,
        }
        async with self._database.transaction() as session:
            await deliveries.add_once(session, values)


def _told(result: SendResult) -> dict[str, Any]:
    success = classify(result.status) == "delivered"
    error = None if success else result.error or "http_status"
    return {"success": success, "status_code": result.status, "response_ms": result.response_ms, "error": error}


def _plan(project_id: str, agent_id: str, target: WebhookTarget) -> CallPlan:
    return CallPlan(
        call_id=samples.TEST_CALL_ID,
        project_id=project_id,
        direction="inbound",
        from_number=samples.THEIR_NUMBER,
        to_number=samples.OUR_NUMBER,
        agent=AgentSnapshot(id=agent_id, name=""),
        number_id=samples.TEST_NUMBER_ID,
        webhook=target,
    )


def _heard(parts: list[ReplyPart]) -> dict[str, Any]:
    """What a caller would hear of an answer, and what else would happen."""
    filter_ = Speakable()
    text = "".join(filter_.feed(part.text) for part in parts if isinstance(part, TextPart)) + filter_.finish()
    actions = []
    for part in parts:
        match part:
            case DigitsPart(digits):
                actions.append(f"press {digits}")
            case HangupPart():
                actions.append("hangup")
            case TransferPart():
                actions.append("transfer")
            case SilencePart():
                actions.append("stay silent")
    return {"spoken": text.strip() or None, "actions": tuple(actions)}
