"""What the router looks up before it decides: who waits, who could answer, what a caller speaks; now and then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import event, update
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.decisions import Decision
from parley.schemas.agents import AgentUpdate
from parley.schemas.routing import ProjectRoutingPut
from parley.schemas.webhooks import WebhookPut
from parley.services.router import Router, gather, routing_of
from parley.storage import projects, webhooks
from parley.storage.tables import AgentRow, CallRow, NumberRow
from tests.services.routed import CALLER, a_call, a_queue, waits
from tests.services.world import World, ringing


async def decided(world: World, number: NumberRow, *rules: dict[str, Any], **more: Any) -> Decision:
    """With these rules for the project, which need not be checked: they may name what is gone."""
    put = ProjectRoutingPut.model_validate({"routing_rules": list(rules), **more})
    async with world.database.transaction() as session:
        (await projects.get(session, number.project_id, lock=True)).routing = put.routing_sent()
    async with world.database.transaction() as session:
        return await Router().decide(session, number, ringing(), world.clock())


# ---------------------------------------------------------------- agents


def if_state(agent: AgentRow, availability: str) -> dict[str, Any]:
    watched = {"condition": "agent_availability", "agent_id": agent.id, "availability": availability}
    return {"conditions": [watched], "action": "announcement", "text": availability}


async def states(world: World, number: NumberRow, agent: AgentRow) -> str:
    decision = await decided(world, number, *(if_state(agent, each) for each in ("available", "busy", "offline")))
    assert decision.facts is not None
    assert decision.facts.availability == {agent.id: decision.text}
    return decision.text


async def test_an_agent_is_busy_at_its_limit_and_not_before(world: World, mine: str) -> None:
    agent = await world.agent(mine)
    number = await world.number(mine, agent.id)
    assert await states(world, number, agent) == "available"
    first = await a_call(world, number, agent.id)
    assert await states(world, number, agent) == "available"
    await world.agents.update(mine, agent.id, AgentUpdate(max_concurrent_calls=1))
    assert await states(world, number, agent) == "busy"
    await world.agents.update(mine, agent.id, AgentUpdate(max_concurrent_calls=2))
    assert await states(world, number, agent) == "available"
    # Who waits or leaves a message, what is a test, and what is over, holds nobody up; who talks to a human does.
    await a_call(world, number, agent.id, stage={"type": "waiting", "entry_id": "wait_1"})
    await a_call(world, number, agent.id, is_test=True)
    await a_call(world, number, agent.id, status="completed", ended_at=world.clock())
    assert await states(world, number, agent) == "available"
    await a_call(world, number, agent.id, stage={"type": "forwarding", "phone_number": "+14155550199"})
    assert await states(world, number, agent) == "busy"
    async with world.database.transaction() as session:
        await session.execute(update(CallRow).where(CallRow.id == first.id).values(status="completed"))
    assert await states(world, number, agent) == "available"


async def test_an_agent_without_anybody_to_answer_is_offline(world: World, mine: str) -> None:
    agent = await world.agent(mine, voice_mode="webhook")
    number = await world.number(mine, agent.id)
    assert await states(world, number, agent) == "offline"
    await world.webhooks.put(mine, None, WebhookPut(url="https://example.com/hook"))
    assert await states(world, number, agent) == "available"
    await world.webhooks.put(mine, agent.id, WebhookPut(url="https://example.com/own"))
    assert await states(world, number, agent) == "available"
    async with world.database.transaction() as session:
        own = await webhooks.get(session, mine, agent.id, lock=True)
        assert own is not None
        own.status = "disabled"
    assert await states(world, number, agent) == "offline"


async def test_what_routing_names_may_be_gone(world: World, mine: str, theirs: str) -> None:
    agent, foreign = await world.agent(mine), await world.agent(theirs)
    number, queue = await world.number(mine, agent.id), await a_queue(world, theirs)
    rules: list[dict[str, Any]] = [
        {"condition": "always", "action": "route_to_agent", "agent_id": foreign.id},
        {"condition": "always", "action": "route_to_queue", "queue_id": queue},
    ]
    found = await decided(world, number, *rules, routing_config={"default_agent": foreign.id})
    assert (found.matched, found.agent_id) == ("number_agent", agent.id)
    assert found.facts is not None
    assert found.facts.gone == tuple(sorted([foreign.id, queue]))


# ---------------------------------------------------------------- queues


def if_length(threshold: int, queue_id: str | None = None) -> dict[str, Any]:
    return {"condition": "queue_length", "threshold": threshold, "action": "voicemail", "queue_id": queue_id}


async def test_calls_that_wait_are_counted_for_their_queue_and_their_number(world: World, mine: str) -> None:
    number, other = await world.number(mine), await world.number(mine)
    queue, empty = await a_queue(world, mine), await a_queue(world, mine, "Sales")
    await waits(world, number, queue)
    await waits(world, number, None)
    await waits(world, other, queue)
    for gone in ({"status": "callback"}, {"status": "abandoned"}, {"held_until": world.clock()}):
        await waits(world, number, queue, **gone)

    async def facts(*rules: dict[str, Any]) -> tuple[int | None, Any]:
        found = (await decided(world, number, *rules)).facts
        assert found is not None
        return found.waiting_for_number, found.waiting_in

    assert await facts(if_length(9), if_length(9, queue), if_length(9, empty)) == (2, {queue: 2, empty: 0})
    assert await facts(if_length(9, queue)) == (None, {queue: 2})
    assert (await decided(world, number, if_length(2))).action == "voicemail"
    assert (await decided(world, number, if_length(3))).matched == "fallback"


# ---------------------------------------------------------------- languages


def if_language(tag: str) -> dict[str, Any]:
    return {"condition": "language", "language": tag, "action": "voicemail"}


async def language(world: World, number: NumberRow) -> tuple[str, ...] | None:
    found = (await decided(world, number, if_language("es"))).facts
    return found.languages if found is not None else None


async def test_a_caller_speaks_what_was_spoken_last(world: World, mine: str, theirs: str) -> None:
    number, foreign = await world.number(mine), await world.number(theirs)
    assert await language(world, number) == ("en-US",)  # what is spoken where the number is from
    had = {"status": "completed", "started_at": world.clock()}

    def spoken(tag: str) -> dict[str, Any]:
        return had | {"snapshot": {"listen": {"language": tag}}}

    await a_call(world, foreign, None, **spoken("fr-FR"))
    await a_call(world, number, None, **spoken("it-IT") | {"started_at": None})
    await a_call(world, number, None, **spoken("de-DE") | {"from_number": "+4930123456"})
    world.clock.advance(60)
    assert await language(world, number) == ("en-US",)
    outbound = {"direction": "outbound", "from_number": number.phone_number, "to_number": CALLER}
    await a_call(world, number, None, **spoken("es-MX") | outbound)
    world.clock.advance(60)
    await a_call(world, number, None, **spoken("multi"))
    world.clock.advance(60)
    assert await language(world, number) == ("es-MX",)
    await a_call(world, number, None, **spoken("pt-BR"))
    world.clock.advance(60)
    assert await language(world, number) == ("pt-BR",)


# ---------------------------------------------------------------- the past


async def test_a_moment_of_the_past_is_told_from_its_records(world: World, mine: str) -> None:
    agent = await world.agent(mine, max_concurrent_calls=1)
    number, queue = await world.number(mine, agent.id), await a_queue(world, mine)
    began = world.clock()
    await a_call(world, number, agent.id, status="completed", ended_at=began + timedelta(minutes=5))
    await waits(world, number, queue, status="answered", left_at=began + timedelta(minutes=5))
    await waits(world, number, queue, status="called_back", left_at=began + timedelta(minutes=5))
    world.clock.advance(3600)
    rules = [if_length(1, queue), if_state(agent, "busy")]
    own = ProjectRoutingPut.model_validate({"routing_rules": rules}).routing_sent()
    asked = routing_of(number, own, None)

    async def then(at: datetime, *, is_past: bool = True) -> tuple[int, str]:
        async with world.database.read() as session:
            facts = await gather(session, number, asked, CALLER, at, is_past=is_past)
        return facts.waiting_in[queue], facts.availability[agent.id]

    assert await then(began + timedelta(minutes=1)) == (1, "busy")
    assert await then(began - timedelta(minutes=1)) == (0, "available")
    assert await then(began + timedelta(minutes=6)) == (0, "available")
    assert await then(world.clock(), is_past=False) == (0, "available")


# ---------------------------------------------------------------- how much is asked


@contextmanager
def counted(session: AsyncSession) -> Iterator[list[str]]:
    """The statements that are sent to the database meanwhile."""
    sent: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
        sent.append(statement)

    engine = session.sync_session.get_bind()
    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


async def test_only_what_is_asked_about_is_looked_up(world: World, mine: str) -> None:
    agent = await world.agent(mine)
    number, queue = await world.number(mine, agent.id), await a_queue(world, mine)
    for rules, most in (((), 1), ((if_length(5, queue), if_length(5), if_state(agent, "busy"), if_language("fr")), 2)):
        await decided(world, number, *rules)
        async with world.database.read() as session:
            with counted(session) as sent:
                await Router().decide(session, number, ringing(), world.clock())
        assert len(sent) == most
