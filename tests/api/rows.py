"""One row of every kind that an id can name, and a valid request for every operation.

A new operation is covered by being in the table. If it names a kind of id that is not made here, a test says so.
"""

from __future__ import annotations

import asyncio
import copy
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from sqlalchemy import text

from parley.api.examples import example
from parley.api.mount import Mounted, lay_out
from parley.api.table import TABLE
from parley.domain.ids import new_id
from parley.schemas.base import Wire
from parley.schemas.dialects import THREETONE, Dialect
from parley.schemas.fields import ID_PATTERN
from parley.storage.database import Database
from parley.storage.tables import AlertFiringRow, ConversationRow, DeliveryRow, MessageRow, QueueRow, Row, VoicemailRow
from parley.wiring import Assembly

EVERY = tuple(Mounted(dialect, operation) for dialect, operations in TABLE.items() for operation in operations)
_SHARED = {
    each for methods in lay_out(TABLE).values() for sharing in methods.values() if len(sharing) > 1 for each in sharing
}
_PLACED_AT = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
# Parts of bodies that are not valid when empty, for examples that do not show them.
PARTS: dict[str, Any] = {
    "agent_ids": [""],
    "routing_rules": [{"condition": "queue_length", "threshold": 3, "action": "voicemail"}],
    "conditions": [{"condition": "always"}],
}
Ids = dict[str, str]


@dataclass(frozen=True)
class Belongings:
    """The ids of one project's rows, by the kind of row."""

    project_id: str
    ids: Ids

    def of(self, mounted: Mounted) -> Ids:
        """As this operation means them."""
        return self.ids_in(mounted.dialect)

    def ids_in(self, dialect: Dialect) -> Ids:
        """As this dialect's operations mean them: ThreeTone's conversations are calls."""
        conversation = {"conversation_id": self.ids["call_id"]} if dialect is THREETONE else {}
        return self.ids | conversation


async def fill(client: httpx.AsyncClient, house: Assembly, project_id: str, phone_number: str) -> Belongings:
    """Make one row of each kind in the project that `client` has a key of; `phone_number` is bought for it."""
    agent = await _made(client, "/v1/agents", name="Front desk")
    number = await _made(client, "/v1/numbers", agentId=agent, phoneNumber=phone_number)
    credential = await _made(client, "/v1/credentials", name="Ears", provider="deepgram", apiKey="k" * 20)
    hosted = {"toNumber": "+14155550199", "systemPrompt": "Be kind."}
    call = await _made(client, "/v1/calls", agentId=agent, **hosted)
    house.directory.hang_up(call, "no_answer")  # the carrier's own report cannot reach an application without a socket
    async with asyncio.timeout(20):
        while (await client.get(f"/v1/calls/{call}")).json()["status"] not in {"completed", "failed"}:
            await asyncio.sleep(0.05)
    ids = {
        "agent_id": agent,
        "default_agent": agent,
        "agent_ids": agent,
        "overflow_agent_id": agent,
        "number_id": number,
        "phone_number_id": number,
        "from_number_id": number,
    }
    ids |= {"credential_id": credential, "call_id": call}
    trunk = {"name": "Main", "sip_domain": "sip.example.com", "auth_username": "me", "auth_password": "secret"}
    ids["trunk_id"] = await _made(client, "/v1/voiceai/sip-trunks", **trunk)
    target = {"url": "https://example.com/events", "events": ["call_ended"]}
    ids["webhook_id"] = await _made(client, "/v1/voiceai/webhooks", **target)
    ids["alert_id"] = await _made(client, "/v1/alerts", name="Late", condition={"kind": "queue_time", "threshold": 60})
    soon = {"wait_seconds": 0, "duration_seconds": 1}
    ids["call_test_id"] = await _made(client, "/v1/voiceai/test-call", phone_number=phone_number, **soon)
    nowhere = {"target_endpoint": "127.0.0.1:1"}
    ids["network_test_id"] = await _made(client, "/v1/voiceai/diagnostics/network-test", **nowhere)
    ids |= await _fill_tables(house, project_id, ids)
    await _made(client, "/v1/webhooks", url="https://example.com/hook")
    await _made(client, f"/v1/agents/{agent}/webhook", url="https://example.com/agent-hook")
    return Belongings(project_id, ids)


async def _made(client: httpx.AsyncClient, path: str, **body: Any) -> str:
    answer = await client.post(path, json=body)
    assert answer.status_code in {200, 201}, answer.text
    made: str = answer.json()["id"]
    return made


async def _fill_tables(house: Assembly, project_id: str, ids: Ids) -> Ids:
    """What only the outside world makes, or what belongs to one dialect."""
    conversation, message, delivery = new_id("conv"), new_id("msg"), new_id("evt")
    mine = {"project_id": project_id}
    ours, theirs = "+15105550123", "+14155550199"
    rows = [
        ConversationRow(
            **mine,
            id=conversation,
            number_id=ids["number_id"],
            agent_id=ids["agent_id"],
            phone_number=ours,
            participant=theirs,
            last_message_at=_PLACED_AT,
            last_message_preview="Hello",
        ),
        MessageRow(
            **mine,
            id=message,
            conversation_id=conversation,
            number_id=ids["number_id"],
            agent_id=ids["agent_id"],
            direction="inbound",
            from_number=theirs,
            to_number=ours,
            body="Hello",
            media_urls=[],
            status="received",
            carrier="twilio",
        ),
        DeliveryRow(
            **mine,
            id=delivery,
            agent_id=ids["agent_id"],
            call_id=ids["call_id"],
            event_type="call.ended",
            channel="voice",
            url="https://example.com/hook",
            body="{}",
            status="success",
        ),
    ]
    firing = AlertFiringRow(
        **mine,
        id=new_id("fire"),
        rule_id=ids["alert_id"],
        call_id=ids["call_id"],
        subject="",
        value=60.0,
        evidence={"count": 0, "occurrences": []},
        fired_at=_PLACED_AT,
    )
    queue = QueueRow(**mine, id=new_id("queue"), name="Desk", max_wait_s=300, max_length=100, overflow={})
    rows += [firing, queue, (message_left := _voicemail(project_id, ids))]
    async with house.database.transaction() as session:
        for row in rows:
            session.add(row)
            await session.flush()
    found = {"conversation_id": conversation, "message_id": message, "delivery_id": delivery}
    return found | {"voicemail_id": message_left.id, "firing_id": firing.id, "queue_id": queue.id}


def _voicemail(project_id: str, ids: Ids) -> VoicemailRow:
    """A message, whose audio is in no store."""
    voicemail_id = new_id("vm")
    return VoicemailRow(
        project_id=project_id,
        id=voicemail_id,
        call_id=ids["call_id"],
        number_id=ids["number_id"],
        agent_id=ids["agent_id"],
        from_number="+14155550199",
        to_number="+15105550123",
        status="stored",
        reason="closed",
        transcript="Please call me back",
        confidence=0.9,
        duration_ms=4000,
        audio_key=f"{project_id}/voicemails/{voicemail_id}.wav",
        audio_bytes=64_044,
    )


# What the carrier's reports, the delivery worker and those who watch over calls write in their own time.
_IN_THEIR_OWN_TIME = (
    "{status,end_reason,started_at,ended_at,held_at,problems,carrier_call_id,error_message,delivered_at,"
    "carrier_message_id,attempts,next_at,lease_until,http_status,response_body,response_ms,last_attempt_at,"
    "evaluated_until}"
)


async def state_of(database: Database, project_id: str) -> list[str]:
    """A digest of everything a project has: equal before and after whatever changed nothing."""
    tables = [table.name for table in Row.metadata.sorted_tables if "project_id" in table.columns]
    digests = []
    for name in tables:
        shown = "to_jsonb(t)"
        if name in {"calls", "messages", "deliveries", "alert_rules"}:
            shown += f" - '{_IN_THEIR_OWN_TIME}'::text[]"
        if name == "health_states":  # of what is found of a project, only that somebody asked to know
            asked = "SELECT greatest(max(since), '2001-01-01')::text FROM health_states"
            digests.append(f"{asked} WHERE project_id = :mine AND kind = 'round'")
        elif name != "idempotency_keys":
            rows = f"string_agg(({shown})::text, '|' ORDER BY t::text)"
            of_mine = "project_id = :mine"
            if name == "deliveries":  # the watch over calls ends those that nobody answers, and tells of it
                of_mine += " AND call_id IS NULL"
            digests.append(f"SELECT md5(coalesce({rows}, '')) FROM {name} t WHERE {of_mine}")
    async with database.read() as session:
        found = await session.execute(text(" UNION ALL ".join(digests)), {"mine": project_id})
        return list(found.scalars())


# ---------------------------------------------------------------- requests


def label(mounted: Mounted) -> str:
    return f"{mounted.dialect.name} {mounted.operation.method} {mounted.path}"


def is_shared(mounted: Mounted) -> bool:
    """Whether another dialect answers at the same method and path when the other spelling is used."""
    return mounted in _SHARED


def schema_of(model: type[Wire]) -> dict[str, Any]:
    schema: dict[str, Any] = model.model_json_schema(by_alias=False)
    return schema


def properties(model: type[Wire] | None) -> dict[str, dict[str, Any]]:
    """A shape's fields by their names in Python, without the null that an optional one may be instead."""
    found = schema_of(model).get("properties", {}) if model is not None else {}
    return {name: plain(shape) for name, shape in found.items()}


def plain(shape: dict[str, Any]) -> dict[str, Any]:
    inner = [each for each in shape.get("anyOf", []) if each.get("type") != "null"]
    return {**shape, **inner[0]} if inner else shape


def id_places(model: type[Wire] | None) -> Iterator[tuple[str, ...]]:
    """Where a body or query takes the id of a row, as paths of names in Python; a list's rows are `0`."""
    if model is not None:
        schema = schema_of(model)
        yield from _id_places(schema, schema.get("$defs", {}), ())


def _id_places(shape: dict[str, Any], definitions: dict[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    found = plain(shape)
    if found.get("pattern") == ID_PATTERN:
        yield path
    if "$ref" in found:
        found = definitions[found["$ref"].rsplit("/", 1)[1]]
    for name, inner in found.get("properties", {}).items():
        yield from _id_places(inner, definitions, (*path, name))
    if "items" in found:
        yield from _id_places(found["items"], definitions, (*path, "0"))


def camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda found: found.group(1).upper(), name)


def as_named(name: str) -> str:
    return name


def as_spelled(mounted: Mounted) -> Callable[[str], str]:
    """How the operation's dialect spells a field's name."""
    return camel if mounted.dialect.casing == "camelCase" else as_named


def spellings(mounted: Mounted, name: str) -> set[str]:
    """Every way to write the field that leads to this operation."""
    return {as_spelled(mounted)(name)} if is_shared(mounted) else {name, camel(name)}


def body_of(mounted: Mounted, ids: Ids) -> dict[str, Any]:
    """The document's own example with ids that exist, in the dialect's spelling."""
    assert mounted.operation.body is not None
    body = example(mounted.operation.body, mounted.dialect)
    return {name: with_ids(name, value, ids) for name, value in body.items()}


def with_ids(name: str, value: Any, ids: Ids) -> Any:
    """A value of the field `name` in which every field that holds an id holds one of these."""
    if isinstance(value, dict):
        return {inner: with_ids(inner, each, ids) for inner, each in value.items()}
    if isinstance(value, list):
        return [with_ids(name, each, ids) for each in value]
    kind = re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).lower()
    return ids.get(kind, value)


def kind_at(place: Sequence[str]) -> str:
    """What an id at that place names: the rows of a list are of one kind."""
    return place[-2] if place[-1] == "0" else place[-1]


def placed(body: dict[str, Any], place: Sequence[str], spell: Callable[[str], str], value: str) -> dict[str, Any]:
    """The body with `value` at that place, and with what has to be around it."""
    changed = copy.deepcopy(body)
    inner: Any = changed
    for step in place[:-1]:
        if not isinstance(inner, list):
            inner.setdefault(spell(step), copy.deepcopy(PARTS.get(step, {})))
        inner = inner[int(step)] if isinstance(inner, list) else inner[spell(step)]
    if isinstance(inner, list):
        inner[int(place[-1])] = value
    else:
        inner[spell(place[-1])] = value
    return changed


async def ask(
    client: httpx.AsyncClient, mounted: Mounted, ids: Ids, *, query: Any = None, **more: Any
) -> httpx.Response:
    """The operation in its dialect's spelling, with a valid body unless `more` says otherwise."""
    operation = mounted.operation
    if operation.body is not None and not more.keys() & {"json", "content"}:
        more["json"] = body_of(mounted, ids)
    return await client.request(operation.method, mounted.path.format(**ids), params=query, **more)


def assert_refused(answer: httpx.Response, status: int, mounted: Mounted) -> dict[str, Any]:
    """A documented refusal, in words, with nothing beside them."""
    assert answer.status_code == status, f"{label(mounted)}: {answer.status_code} {answer.text}"
    assert status in mounted.operation.all_refusals, f"{label(mounted)} does not document {status}"
    assert answer.headers["content-type"] == "application/json"
    body: dict[str, Any] = answer.json()
    assert body["detail"].endswith(".")
    assert re.fullmatch(r"[a-z_]+", body["code"])
    assert body.keys() <= {"detail", "code", "errors"}
    return body
