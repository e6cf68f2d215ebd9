"""Phone numbers as ThreeTone clients import and assign them."""

from __future__ import annotations

from typing import Any

from parley.api.operations import Ask, Listing, Operation
from parley.api.paging import page_of
from parley.schemas.dialects import THREETONE
from parley.schemas.numbers import NumberReleased
from parley.schemas.pages import CursorQuery
from parley.schemas.routed_numbers import RoutedNumberImport, RoutedNumberOut, RoutedNumberUpdate
from parley.schemas.trunks import SipConfigOut
from parley.storage.tables import NumberRow

GROUP = "Phone numbers"


async def import_number(ask: Ask[RoutedNumberImport, None]) -> RoutedNumberOut:
    return shown(await ask.services.routing.import_number(ask.project_id, ask.body, THREETONE.name))


async def list_numbers(ask: Ask[None, CursorQuery]) -> Listing:
    rows, total, next_id = await ask.services.routing.list_numbers(ask.project_id, ask.query)
    return page_of([shown(row) for row in rows], total, next_id, ask.query)


async def get_number(ask: Ask[None, None]) -> RoutedNumberOut:
    return shown(await ask.services.numbers.get(ask.project_id, ask.ids["number_id"]))


async def update_number(ask: Ask[RoutedNumberUpdate, None]) -> RoutedNumberOut:
    return shown(await ask.services.routing.update_number(ask.project_id, ask.ids["number_id"], ask.body))


async def remove_number(ask: Ask[None, None]) -> NumberRow:
    return await ask.services.numbers.release(ask.project_id, ask.ids["number_id"], keep_at_carrier=True)


def shown(row: NumberRow) -> RoutedNumberOut:
    """A number's row without its secrets."""
    own = ("id", "phone_number", "provider", "status", "friendly_name", "agent_id", "credential_id", "created_at")
    values: dict[str, Any] = {name: getattr(row, name) for name in own}
    values |= {"country_code": row.country, "is_connected": row.is_connected, "connection_note": row.connection_note}
    routing = {"call_routing": None, "routing_config": None, "routing_rules": []} | (row.routing or {})
    sip = SipConfigOut.of(row.sip_config, has_password=row.sealed_config is not None) if row.sip_config else None
    return RoutedNumberOut.model_validate({**values, **routing, "sip_config": sip})


OPERATIONS = (
    Operation(
        "POST",
        "/phone-numbers",
        import_number,
        title="Import a phone number",
        group=GROUP,
        answer=RoutedNumberOut,
        body=RoutedNumberImport,
        status=201,
        about="The number's calls come here if your account at the carrier owns it; `connected` says whether it does."
        " Importing a number again updates it.",
        refusals=frozenset({402, 404, 409, 502}),
    ),
    Operation(
        "GET",
        "/phone-numbers",
        list_numbers,
        title="List phone numbers",
        group=GROUP,
        answer=RoutedNumberOut,
        query=CursorQuery,
        lists=("phone_numbers",),
    ),
    Operation(
        "GET",
        "/phone-numbers/{number_id}",
        get_number,
        title="Read a phone number",
        group=GROUP,
        answer=RoutedNumberOut,
    ),
    Operation(
        "PUT",
        "/phone-numbers/{number_id}",
        update_number,
        title="Assign an agent and routing",
        group=GROUP,
        answer=RoutedNumberOut,
        body=RoutedNumberUpdate,
        about="Only what is sent changes. Calls follow routing from the next one that rings; agents and queues named in"
        " it have to be yours.",
        refusals=frozenset({409}),
    ),
    Operation(
        "DELETE",
        "/phone-numbers/{number_id}",
        remove_number,
        title="Remove a phone number",
        group=GROUP,
        answer=NumberReleased,
        about="Its calls are not answered here any more and stay on record. The number itself stays in your account at"
        " the carrier.",
    ),
)
