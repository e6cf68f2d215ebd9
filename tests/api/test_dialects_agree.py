"""Three APIs, one set of functions: what is the same is the same value, and only the spelling differs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from parley.api.examples import example
from parley.api.mount import Mounted, lay_out
from parley.api.table import TABLE
from parley.schemas.base import Wire, parse, parse_query
from parley.schemas.dialects import DIALECTS, NATIVE, ONEINBOX, THREETONE
from tests.api.conftest import Api
from tests.api.rows import EVERY, Belongings, ask, body_of, camel, is_shared, label

SHARED = [sharing for methods in lay_out(TABLE).values() for sharing in methods.values() if len(sharing) > 1]
each_shared = pytest.mark.parametrize("sharing", SHARED, ids=lambda sharing: label(sharing[0]))
OWN = {"snake_key": {"camelKey": [{"deep_key": 1, "deepKey": 2}]}, "camelKey": "x", "UPPER_key": None}


@each_shared
def test_the_same_shape_at_a_shared_path_is_the_same_operation(sharing: list[Mounted]) -> None:
    """Nobody writes a handler twice: two handlers at one place have something to show or to read of their own."""
    for one, other in combinations((each.operation for each in sharing), 2):
        if (one.body, one.query, one.answer) == (other.body, other.query, other.answer):
            assert one is other
        assert one.status == other.status
        assert one.produces == other.produces


@each_shared
def test_a_shared_path_takes_every_native_field_in_every_dialect(sharing: list[Mounted]) -> None:
    native, *others = (each.operation for each in sharing)
    for other in others:
        for mine, theirs in ((native.body, other.body), (native.query, other.query)):
            assert (mine is None) == (theirs is None)
            if mine is not None and theirs is not None:
                assert mine.model_fields.keys() <= theirs.model_fields.keys()


def test_one_function_serves_every_dialect_that_asks_the_same() -> None:
    """Whoever takes and shows the same shapes in two dialects does it with one function."""
    for one, other in combinations(EVERY, 2):
        mine, theirs = one.operation, other.operation
        shapes = (mine.method, mine.body, mine.query, mine.answer, mine.lists)
        if one.dialect is not other.dialect and mine.body is not None:
            same = shapes == (theirs.method, theirs.body, theirs.query, theirs.answer, theirs.lists)
            assert not same or mine.run is theirs.run, (label(one), label(other))


# ---------------------------------------------------------------- both casings


def inner_shapes(shape: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[type[BaseModel]]:
    """A shape and all the shapes in its fields."""
    if shape in seen:
        return
    seen.add(shape)
    yield shape
    pending = [field.annotation for field in shape.model_fields.values()]
    while pending:
        kind: Any = pending.pop()
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from inner_shapes(kind, seen)
        pending.extend(get_args(kind))


@pytest.mark.parametrize("mounted", [each for each in EVERY if each.operation.body or each.operation.query], ids=label)
def test_every_field_of_a_request_has_both_casings(mounted: Mounted) -> None:
    for shape in (mounted.operation.body, mounted.operation.query):
        for inner in inner_shapes(shape, set()) if shape is not None else ():
            assert issubclass(inner, Wire)
            assert inner.model_config["validate_by_name"]
            assert inner.model_config["validate_by_alias"]
            for name, field in inner.model_fields.items():
                assert field.alias == to_camel(name), f"{inner.__name__}.{name} is read under another name"


@pytest.mark.parametrize("mounted", [each for each in EVERY if each.operation.body], ids=label)
def test_both_casings_of_a_body_mean_the_same(mounted: Mounted) -> None:
    shape = mounted.operation.body
    assert shape is not None
    read = [parse(shape, example(shape, dialect)) for dialect in DIALECTS]
    assert all(each == read[0] for each in read)


@pytest.mark.parametrize("mounted", [each for each in EVERY if each.operation.query], ids=label)
def test_both_casings_of_a_query_mean_the_same(mounted: Mounted) -> None:
    shape = mounted.operation.query
    assert shape is not None
    defaults = {name: str(f.default) for name, f in shape.model_fields.items() if isinstance(f.default, int | str)}
    assert parse_query(shape, defaults) == parse_query(shape, {camel(name): each for name, each in defaults.items()})


@pytest.mark.parametrize("mounted", [each for each in EVERY if each.operation.body and not is_shared(each)], ids=label)
async def test_both_casings_of_a_body_are_answered_alike(shared_api: Api, mine: Belongings, mounted: Mounted) -> None:
    """In the dialect's own spelling, whatever the request's."""
    ids = mine.of(mounted)
    answers = []
    for dialect in (NATIVE, ONEINBOX):
        body = body_of(Mounted(dialect, mounted.operation), ids)
        answers.append(await ask(shared_api.client, mounted, ids, json=body))
    assert answers[0].status_code == answers[1].status_code
    if answers[0].status_code < 300:
        assert answers[0].json().keys() == answers[1].json().keys()


# ---------------------------------------------------------------- what is the customer's


def held(value: Any, name: str) -> list[Any]:
    """What every key of that name holds, at any depth but inside what is found."""
    if isinstance(value, dict):
        found = [value[name]] if name in value else []
        return found + [each for key, inner in value.items() if key != name for each in held(inner, name)]
    return [each for item in value for each in held(item, name)] if isinstance(value, list) else []


async def test_a_customers_own_keys_are_never_respelled(shared_api: Api, mine: Belongings) -> None:
    """Through creating, reading and listing a call in each dialect, and a conversation."""
    agent, client = mine.ids["agent_id"], shared_api.client
    native = {"agentId": agent, "toNumber": "+14155550199", "systemPrompt": "Be kind.", "variables": OWN}
    theirs = {"agent_id": agent, "to_number": "+14155550199", "from_number": "+15105550123", "variables": OWN}
    for body in (native, theirs):
        made = await client.post("/v1/calls", json={**body, "metadata": OWN})
        assert made.status_code == 201, made.text
        assert made.json()["metadata"] == OWN
        call = made.json()["id"]
        for path in (f"/v1/calls/{call}", "/v1/calls?limit=1", "/v1/calls?limit=1&agent_id=" + agent):
            found = held((await client.get(path)).json(), "metadata")
            assert found, path
            assert all(each == OWN for each in found), path
        shown = (await client.get(f"{THREETONE.prefix}/conversations/{call}")).json()
        assert all(each == OWN for each in held(shown, "metadata"))
        shared_api.house.directory.hang_up(call, "no_answer")
    path = f"/v1/conversations/{mine.ids['conversation_id']}"
    assert (await client.patch(path, json={"metadata": OWN})).json()["metadata"] == OWN
    assert (await client.get(path)).json()["metadata"] == OWN
