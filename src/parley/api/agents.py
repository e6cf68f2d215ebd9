"""Agents over HTTP, with the numbers they answer."""

from __future__ import annotations

from parley.api.operations import Ask, Listing, Operation
from parley.schemas.agents import (
    AgentCreate,
    AgentDeleted,
    AgentList,
    AgentNumber,
    AgentOut,
    AgentUpdate,
    AttachNumber,
)
from parley.schemas.answers import Success
from parley.schemas.conduct import ConductOut
from parley.schemas.numbers import NumberAttached
from parley.storage.tables import AgentRow

GROUP = "Agents"


def _shown(ask: Ask[object, object], row: AgentRow) -> AgentOut:
    """The agent with the server's voice where it has none of its own, and the defaults of how it behaves."""
    fields = {name: getattr(row, name) for name in AgentOut.model_fields.keys() - ConductOut.model_fields.keys()}
    own = {**(row.conduct or {}), "voice": row.voice or ask.services.default_voice}
    return AgentOut.model_validate({**fields, **own})


async def create_agent(ask: Ask[AgentCreate, None]) -> AgentOut:
    return _shown(ask, await ask.services.agents.create(ask.project_id, ask.body))


async def list_agents(ask: Ask[None, AgentList]) -> Listing:
    rows, total = await ask.services.agents.list(ask.project_id, ask.query)
    return Listing([_shown(ask, row) for row in rows], total, ask.query.limit, ask.query.offset)


async def get_agent(ask: Ask[None, None]) -> AgentOut:
    return _shown(ask, await ask.services.agents.get(ask.project_id, ask.ids["agent_id"]))


async def update_agent(ask: Ask[AgentUpdate, None]) -> AgentOut:
    return _shown(ask, await ask.services.agents.update(ask.project_id, ask.ids["agent_id"], ask.body))


async def delete_agent(ask: Ask[None, None]) -> AgentDeleted:
    unassigned = await ask.services.agents.delete(ask.project_id, ask.ids["agent_id"])
    return AgentDeleted(id=ask.ids["agent_id"], unassigned_numbers=unassigned)


async def attach_number(ask: Ask[AttachNumber, None]) -> NumberAttached:
    agent_id = ask.ids["agent_id"]
    row = await ask.services.agents.attach_number(ask.project_id, agent_id, ask.body.number_id)
    return NumberAttached(agent_id=agent_id, number=AgentNumber.model_validate(row))


async def detach_number(ask: Ask[None, None]) -> Success:
    await ask.services.agents.detach_number(ask.project_id, ask.ids["agent_id"], ask.ids["number_id"])
    return Success()


OPERATIONS = (
    Operation(
        "POST",
        "/agents",
        create_agent,
        title="Create an agent",
        group=GROUP,
        answer=AgentOut,
        body=AgentCreate,
        status=201,
        about="A `hosted` agent answers with the built-in chat model and needs a `systemPrompt`; a `webhook` agent"
        " asks your server for every turn.",
    ),
    Operation(
        "GET",
        "/agents",
        list_agents,
        title="List agents",
        group=GROUP,
        answer=AgentOut,
        query=AgentList,
        lists=("agents",),
    ),
    Operation("GET", "/agents/{agent_id}", get_agent, title="Read an agent", group=GROUP, answer=AgentOut),
    Operation(
        "PATCH",
        "/agents/{agent_id}",
        update_agent,
        title="Change an agent",
        group=GROUP,
        answer=AgentOut,
        body=AgentUpdate,
        about="Only the fields you send change. Calls in mid-air keep the agent they began with.",
    ),
    Operation(
        "DELETE",
        "/agents/{agent_id}",
        delete_agent,
        title="Delete an agent",
        group=GROUP,
        answer=AgentDeleted,
        about="Its numbers stay yours, without an agent; its calls stay on record.",
    ),
    Operation(
        "POST",
        "/agents/{agent_id}/numbers",
        attach_number,
        title="Let an agent answer a number",
        group=GROUP,
        answer=NumberAttached,
        body=AttachNumber,
        about="The first number attached is the agent's caller ID. A number has one agent: it leaves the one it had.",
    ),
    Operation(
        "DELETE",
        "/agents/{agent_id}/numbers/{number_id}",
        detach_number,
        title="Take a number from an agent",
        group=GROUP,
        answer=Success,
    ),
)
