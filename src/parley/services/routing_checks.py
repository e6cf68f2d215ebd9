"""Whether routing names only what is there, before it is kept or tried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.errors import NotFound
from parley.domain.phone_numbers import normalise, require_dialable
from parley.domain.routing.problems import ids_named
from parley.storage import agents
from parley.storage import routing as queries

_NO_AGENT = "names no agent of this project; take an id from the list of agents"
_NO_QUEUE = "names no queue of this project; take an id from the list of queues"


async def checked(session: AsyncSession, project_id: str, routing: Mapping[str, Any]) -> dict[str, Any]:
    """The three routing objects, plain, as they are to be kept: phone numbers of humans in E.164.

    Raises NotFound for an agent or a queue that is not the project's, and BadInput for a number that must not be
    dialled; both name the fields.
    """
    named_agents, named_queues = list(ids_named(routing, "agent_id")), list(ids_named(routing, "queue_id"))
    missing = []
    if named_agents:
        known = await agents.known_ids(session, project_id, {each for _, each in named_agents})
        missing += [f"`{field}` {_NO_AGENT}." for field, each in named_agents if each not in known]
    if named_queues:
        known = await queries.known_queues(session, project_id, {each for _, each in named_queues})
        missing += [f"`{field}` {_NO_QUEUE}." for field, each in named_queues if each not in known]
    if missing:
        raise NotFound(" ".join(missing))
    return _dialable(routing)


def _dialable(routing: Mapping[str, Any]) -> dict[str, Any]:
    if not routing.get("routing_rules"):
        return dict(routing)
    rules = []
    for place, rule in enumerate(routing["routing_rules"]):
        field = f"routingRules.{place}.phoneNumber"
        phone = rule.get("phone_number")
        known = {} if phone is None else {"phone_number": require_dialable(normalise(phone, field), field)}
        rules.append({**rule, **known})
    return {**routing, "routing_rules": rules}


def merged(before: Mapping[str, Any] | None, sent: Mapping[str, Any]) -> dict[str, Any] | None:
    """What was set before with what was sent put in its place; None where nothing is left."""
    return {name: value for name, value in {**(before or {}), **sent}.items() if value is not None} or None
