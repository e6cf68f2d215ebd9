"""Phone numbers as OneInbox clients search and register them."""

from __future__ import annotations

from parley.api.numbers import GROUP, list_numbers, search_numbers
from parley.api.operations import Ask, Operation
from parley.domain.errors import BadInput, FieldError
from parley.schemas.dialects import ONEINBOX
from parley.schemas.numbers import AvailableNumberOut, NumberList, NumberSearch, NumberUpdate
from parley.schemas.registrations import NumberRegister, RegisteredNumber, Unregistered
from parley.storage.tables import NumberRow


async def register_number(ask: Ask[NumberRegister, None]) -> NumberRow:
    routing = ask.body.inbound_routing
    routed_to = routing.agent_id if routing is not None else None
    if routed_to not in (None, ask.body.agent_id):
        await ask.services.agents.get(ask.project_id, routed_to)
        message = "has to be the same as `agent_id`: a number is answered by one agent"
        field = "inbound_routing.agent_id"
        raise BadInput(f"`{field}` {message}.", [FieldError(field, message)])
    row = await ask.services.numbers.import_(ask.project_id, ask.body, ONEINBOX.name)
    if routing is None or "voicemail_message" not in routing.model_fields_set:
        return row
    return await ask.services.routing.put_voicemail_message(ask.project_id, row.id, routing.voicemail_message)


async def get_number(ask: Ask[None, None]) -> NumberRow:
    return await ask.services.numbers.get(ask.project_id, ask.ids["phone_number_id"])


async def update_number(ask: Ask[NumberUpdate, None]) -> NumberRow:
    return await ask.services.numbers.change(ask.project_id, ask.ids["phone_number_id"], ask.body)


async def unregister_number(ask: Ask[None, None]) -> NumberRow:
    return await ask.services.numbers.release(ask.project_id, ask.ids["phone_number_id"], keep_at_carrier=True)


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/phone-numbers/search",
        search_numbers,
        title="Search numbers on sale",
        group=GROUP,
        answer=AvailableNumberOut,
        query=NumberSearch,
        lists=("phone_numbers",),
        is_paged=False,
        about="At the carrier of `credential_id`, else at the server's own. A carrier without an adapter cannot be"
        " searched: register a number you own there.",
        refusals=frozenset({404, 502}),
    ),
    Operation(
        "POST",
        "/phone-numbers",
        register_number,
        title="Register a number",
        group=GROUP,
        answer=RegisteredNumber,
        body=NumberRegister,
        status=201,
        about="Lets the agent answer a number you own: with `credential_id` the number is pointed at this server in"
        " your carrier account; with `provider_config` its SIP trunk is stored. Registering it again updates it."
        " `connected` says whether calls can reach it, and `connection_note` what to do if not.",
        refusals=frozenset({402, 404, 409, 502}),
    ),
    Operation(
        "GET",
        "/phone-numbers",
        list_numbers,
        title="List numbers",
        group=GROUP,
        answer=RegisteredNumber,
        query=NumberList,
        lists=("phone_numbers",),
    ),
    Operation(
        "GET",
        "/phone-numbers/{phone_number_id}",
        get_number,
        title="Read a number",
        group=GROUP,
        answer=RegisteredNumber,
    ),
    Operation(
        "PATCH",
        "/phone-numbers/{phone_number_id}",
        update_number,
        title="Change a number",
        group=GROUP,
        answer=RegisteredNumber,
        body=NumberUpdate,
        about="Gives the number to another agent, or renames it. Only the fields you send change.",
        refusals=frozenset({409}),
    ),
    Operation(
        "DELETE",
        "/phone-numbers/{phone_number_id}",
        unregister_number,
        title="Unregister a number",
        group=GROUP,
        answer=Unregistered,
        about="The number is no longer answered here and stays yours at the carrier. Its calls stay on record.",
    ),
)
