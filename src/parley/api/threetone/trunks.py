"""SIP trunks over HTTP."""

from __future__ import annotations

from parley.api.operations import Ask, Listing, Operation
from parley.api.paging import page_of
from parley.schemas.answers import Success
from parley.schemas.pages import CursorQuery
from parley.schemas.trunks import TrunkCreate, TrunkOut, TrunkUpdate
from parley.storage.tables import TrunkRow

GROUP = "SIP trunks"


async def create_trunk(ask: Ask[TrunkCreate, None]) -> TrunkRow:
    return await ask.services.trunks.create(ask.project_id, ask.body)


async def list_trunks(ask: Ask[None, CursorQuery]) -> Listing:
    rows, total, next_id = await ask.services.trunks.list(ask.project_id, ask.query)
    return page_of(rows, total, next_id, ask.query)


async def get_trunk(ask: Ask[None, None]) -> TrunkRow:
    return await ask.services.trunks.get(ask.project_id, ask.ids["trunk_id"])


async def update_trunk(ask: Ask[TrunkUpdate, None]) -> TrunkRow:
    return await ask.services.trunks.update(ask.project_id, ask.ids["trunk_id"], ask.body)


async def delete_trunk(ask: Ask[None, None]) -> Success:
    await ask.services.trunks.delete(ask.project_id, ask.ids["trunk_id"])
    return Success()


OPERATIONS = (
    Operation(
        "POST",
        "/sip-trunks",
        create_trunk,
        title="Add a SIP trunk",
        group=GROUP,
        answer=TrunkOut,
        body=TrunkCreate,
        status=201,
        about="Stored with its password sealed. This server does not register with SIP trunks: `registration` is"
        " `not_connected`, and no call goes over one.",
    ),
    Operation(
        "GET",
        "/sip-trunks",
        list_trunks,
        title="List SIP trunks",
        group=GROUP,
        answer=TrunkOut,
        query=CursorQuery,
        lists=("sip_trunks",),
    ),
    Operation("GET", "/sip-trunks/{trunk_id}", get_trunk, title="Read a SIP trunk", group=GROUP, answer=TrunkOut),
    Operation(
        "PUT",
        "/sip-trunks/{trunk_id}",
        update_trunk,
        title="Change a SIP trunk",
        group=GROUP,
        answer=TrunkOut,
        body=TrunkUpdate,
        about="Only what is sent changes; without a password in it the trunk keeps the one it has.",
    ),
    Operation("DELETE", "/sip-trunks/{trunk_id}", delete_trunk, title="Delete a SIP trunk", group=GROUP),
)
