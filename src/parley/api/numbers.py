"""Phone numbers over HTTP."""

from __future__ import annotations

from parley.api.operations import Ask, Listing, Operation
from parley.schemas.numbers import (
    AvailableNumberOut,
    NumberBuy,
    NumberImport,
    NumberList,
    NumberOut,
    NumberReleased,
    NumberSearch,
)
from parley.storage.tables import NumberRow

GROUP = "Numbers"


async def buy_number(ask: Ask[NumberBuy, None]) -> NumberRow:
    return await ask.services.numbers.buy(ask.project_id, ask.body)


async def import_number(ask: Ask[NumberImport, None]) -> NumberRow:
    return await ask.services.numbers.import_(ask.project_id, ask.body)


async def search_numbers(ask: Ask[None, NumberSearch]) -> Listing:
    return Listing(await ask.services.numbers.search(ask.project_id, ask.query))


async def list_numbers(ask: Ask[None, NumberList]) -> Listing:
    rows, total = await ask.services.numbers.list(ask.project_id, ask.query)
    return Listing(rows, total, ask.query.limit, ask.query.offset)


async def get_number(ask: Ask[None, None]) -> NumberRow:
    return await ask.services.numbers.get(ask.project_id, ask.ids["number_id"])


async def release_number(ask: Ask[None, None]) -> NumberRow:
    return await ask.services.numbers.release(ask.project_id, ask.ids["number_id"])


OPERATIONS = (
    Operation(
        "POST",
        "/numbers",
        buy_number,
        title="Buy a number",
        group=GROUP,
        answer=NumberOut,
        body=NumberBuy,
        status=201,
        about="Without `phoneNumber` any number that fits is bought; the area code is best effort. The carrier is told"
        " to call this server, so the number can ring at once.",
        refusals=frozenset({402, 404, 409, 502}),
    ),
    Operation(
        "POST",
        "/numbers/import",
        import_number,
        title="Import a number you own",
        group=GROUP,
        answer=NumberOut,
        body=NumberImport,
        status=201,
        about="Points a number of your carrier account at this server. Importing it again updates it.",
        refusals=frozenset({402, 404, 409, 502}),
    ),
    Operation(
        "GET",
        "/numbers/search",
        search_numbers,
        title="Search numbers on sale",
        group=GROUP,
        answer=AvailableNumberOut,
        query=NumberSearch,
        lists=("numbers",),
        is_paged=False,
        refusals=frozenset({404, 502}),
    ),
    Operation(
        "GET",
        "/numbers",
        list_numbers,
        title="List numbers",
        group=GROUP,
        answer=NumberOut,
        query=NumberList,
        lists=("numbers",),
    ),
    Operation("GET", "/numbers/{number_id}", get_number, title="Read a number", group=GROUP, answer=NumberOut),
    Operation(
        "DELETE",
        "/numbers/{number_id}",
        release_number,
        title="Release a number",
        group=GROUP,
        answer=NumberReleased,
        about="Gives the number back to the carrier for good. Its calls stay on record.",
        refusals=frozenset({502}),
    ),
)
