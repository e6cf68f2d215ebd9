"""Webhooks over HTTP: the project's, and an agent's own."""

from __future__ import annotations

from parley.api.operations import Ask, Operation
from parley.schemas.answers import Success
from parley.schemas.webhooks import ProjectWebhookTestQuery, WebhookOut, WebhookPut, WebhookTestOut, WebhookTestQuery

GROUP = "Webhooks"
_ABOUT = (
    "A new secret is made every time. Every request is signed with it, as Standard Webhooks and as X-Webhook-Signature."
)
_TEST = (
    "Sends one signed event now, never again, and answers 200 whatever came of it: `success`, `statusCode` and"
    " `responseMs` say how your server did. On the `sms` channel it is a `webhook.test`, to which any 2xx is a good"
    " answer. On the `voice` channel it is a voice turn (`agent.message` of the call `call_test`), and the answer is"
    " read as in a call: `spoken` and `actions` say what the caller would get, `explanation` why nothing."
)


async def put_webhook(ask: Ask[WebhookPut, None]) -> WebhookOut:
    return WebhookOut.of(*await ask.services.webhooks.put(ask.project_id, ask.ids.get("agent_id"), ask.body))


async def get_webhook(ask: Ask[None, None]) -> WebhookOut | None:
    opened = await ask.services.webhooks.get(ask.project_id, ask.ids.get("agent_id"))
    return None if opened is None else WebhookOut.of(*opened)


async def delete_webhook(ask: Ask[None, None]) -> Success:
    await ask.services.webhooks.delete(ask.project_id, ask.ids.get("agent_id"))
    return Success()


async def test_webhook(ask: Ask[None, ProjectWebhookTestQuery]) -> WebhookTestOut:
    return await ask.services.webhook_tests.webhook(ask.project_id, ask.query.agent_id, ask.query.channel)


async def test_agent_webhook(ask: Ask[None, WebhookTestQuery]) -> WebhookTestOut:
    agent_id = ask.ids["agent_id"]
    return await ask.services.webhook_tests.webhook(ask.project_id, agent_id, ask.query.channel, only_own=True)


def _operations_at(path: str, whose: str, fallback: str) -> tuple[Operation, ...]:
    return (
        Operation(
            "POST",
            path,
            put_webhook,
            title=f"Set {whose} webhook",
            group=GROUP,
            answer=WebhookOut,
            body=WebhookPut,
            status=201,
            about=_ABOUT,
        ),
        Operation(
            "GET",
            path,
            get_webhook,
            title=f"Read {whose} webhook",
            group=GROUP,
            answer=WebhookOut,
            nullable=True,
            about="null when none is set.",
        ),
        Operation(
            "DELETE",
            path,
            delete_webhook,
            title=f"Delete {whose} webhook",
            group=GROUP,
            answer=Success,
            about=fallback,
            refusals=frozenset({404}),
        ),
    )


OPERATIONS = (
    *_operations_at("/webhooks", "the project's", "Agents that have their own webhook keep it."),
    Operation(
        "POST",
        "/webhooks/test",
        test_webhook,
        title="Test the project's webhook",
        group=GROUP,
        answer=WebhookTestOut,
        query=ProjectWebhookTestQuery,
        about=f"{_TEST} With `agentId`, the webhook is tested that this agent's events go to.",
        refusals=frozenset({404}),
    ),
    *_operations_at("/agents/{agent_id}/webhook", "an agent's own", "Its events go to the project's webhook again."),
    Operation(
        "POST",
        "/agents/{agent_id}/webhook/test",
        test_agent_webhook,
        title="Test an agent's own webhook",
        group=GROUP,
        answer=WebhookTestOut,
        query=WebhookTestQuery,
        about=_TEST,
    ),
)
