"""A project's call routing over HTTP."""

from __future__ import annotations

from typing import Any

from parley.api.operations import Ask, Operation
from parley.schemas.routing import ProjectRoutingOut, ProjectRoutingPut

GROUP = "Call routing"


async def get_routing(ask: Ask[None, None]) -> dict[str, Any]:
    return await ask.services.routing.get(ask.project_id)


async def put_routing(ask: Ask[ProjectRoutingPut, None]) -> dict[str, Any]:
    return await ask.services.routing.put(ask.project_id, ask.body)


OPERATIONS = (
    Operation(
        "GET", "/routing", get_routing, title="Read the project's routing", group=GROUP, answer=ProjectRoutingOut
    ),
    Operation(
        "PUT",
        "/routing",
        put_routing,
        title="Set the project's routing",
        group=GROUP,
        answer=ProjectRoutingOut,
        body=ProjectRoutingPut,
        about="Defaults and rules for all numbers; a number may have its own. Only what is sent changes, and null"
        " clears. Agents named in it have to be yours.",
        refusals=frozenset({404}),
    ),
)
