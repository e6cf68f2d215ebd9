"""Placing calls, letting them in, and ending them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from parley.domain.calls import CallStatus
from parley.domain.carriers import CallHooks
from parley.domain.errors import BadInput, CarrierRefused, ConfigurationError, Conflict, Draining, Forbidden, NotFound
from parley.domain.secrets import Secret
from parley.providers.protocols import CallReport
from parley.schemas.calls import CallCreate, CallList
from parley.schemas.numbers import NumberImport
from parley.schemas.webhooks import WebhookPut
from parley.services.watch import CallWatch
from parley.storage.cipher import Cipher
from parley.storage.database import Database
from tests.services.world import CARRIER, World, ringing


async def place(world: World, project_id: str, **fields: Any) -> str:
    agent = await world.agent(project_id)
    await world.number(project_id, agent.id)
    wanted = {"agent_id": agent.id, "to_number": "4155559999"} | fields
    return (await world.calls.create(project_id, CallCreate(**wanted))).id


async def let_in(world: World, project_id: str, name: str = "CA-in-1") -> tuple[str, str]:
    """An inbound call's id and its token."""
    agent = await world.agent(project_id)
    number = await world.number(project_id, agent.id)
    plan, token = await world.calls.ring_inbound(number.id, ringing(name))
    return plan.call_id, token.reveal()


# ---------------------------------------------------------------- outbound


async def test_a_call_is_dialled_from_the_agents_first_number(world: World, mine: str) -> None:
    call = await world.calls.get(mine, await place(world, mine))

    verb, _, from_number, to_number, hooks = world.carrier.asked[-1]
    root = f"https://parley.example/carriers/{CARRIER}/calls/{call.id}"
    assert (verb, from_number, to_number) == ("dial", "+14155550001", "+14155559999")
    assert hooks == CallHooks(f"{root}/answer", f"{root}/status")
    assert (call.status, call.direction, call.phone_number) == ("queued", "outbound", "+14155550001")
    assert call.carrier_call_id is not None


async def test_the_session_is_prepared_before_the_phone_rings(world: World, mine: str) -> None:
    held: list[int] = []

    async def look(_: str) -> None:
        held.append(world.switchboard.live_count)

    world.carrier.while_dialling = look

    await place(world, mine)

    assert held == [1]


async def test_an_unregistered_caller_id_is_the_carriers_to_judge(world: World, mine: str) -> None:
    call = await world.calls.get(mine, await place(world, mine, from_number="5739693824"))

    assert (call.from_number, call.number_id) == ("+15739693824", None)


async def test_another_projects_number_is_no_caller_id(world: World, mine: str, theirs: str) -> None:
    await world.numbers.import_(theirs, NumberImport(phone_number="+15739693824"))

    with pytest.raises(Conflict):
        await place(world, mine, from_number="+15739693824")


async def test_a_call_needs_a_caller_id(world: World, mine: str) -> None:
    agent = await world.agent(mine)

    with pytest.raises(BadInput, match="fromNumber"):
        await world.calls.create(mine, CallCreate(agent_id=agent.id, to_number="4155559999"))


async def test_a_call_needs_somebody_to_answer(world: World, mine: str) -> None:
    agent = await world.agent(mine, voice_mode="webhook", system_prompt=None)
    await world.number(mine, agent.id)
    wanted = CallCreate(agent_id=agent.id, to_number="4155559999")

    with pytest.raises(BadInput, match="systemPrompt"):
        await world.calls.create(mine, wanted)
    await world.calls.create(mine, wanted.model_copy(update={"webhook_url": "https://a.example"}))


@pytest.mark.parametrize("target", ["+1911", "+19005551234"])
async def test_some_numbers_are_never_dialled(world: World, mine: str, target: str) -> None:
    with pytest.raises(BadInput, match="toNumber"):
        await place(world, mine, to_number=target)
    assert await world.calls.list(mine, CallList()) == ([], 0)


async def test_a_private_webhook_for_a_call_is_refused(world: World, mine: str) -> None:
    with pytest.raises(BadInput, match="webhookUrl"):
        await place(world, mine, webhook_url="http://10.0.0.1/")


async def test_a_refused_call_stays_on_record_as_failed(world: World, mine: str) -> None:
    agent = await world.agent(mine)
    await world.number(mine, agent.id)
    world.carrier.refusal = CarrierRefused(CARRIER, "Geo permissions.", retryable=False)

    with pytest.raises(CarrierRefused, match="Geo permissions"):
        await world.calls.create(mine, CallCreate(agent_id=agent.id, to_number="4155559999"))

    [call], _ = await world.calls.list(mine, CallList())
    assert (call.status, call.end_reason, call.duration_seconds) == ("failed", "carrier_failed", 0)
    assert world.switchboard.ended == [("hang_up", call.id, "carrier_failed")]


async def test_a_draining_server_dials_nobody(world: World, mine: str) -> None:
    world.switchboard.is_draining = True

    with pytest.raises(Draining):
        await place(world, mine)

    [call], _ = await world.calls.list(mine, CallList())
    assert (call.status, call.end_reason) == ("failed", "server_shutdown")
    assert "dial" not in [verb for verb, *_ in world.carrier.asked]


# ---------------------------------------------------------------- inbound


async def test_a_ringing_number_gives_a_plan_and_a_token(world: World, mine: str) -> None:
    call_id, token = await let_in(world, mine)

    call = await world.calls.get(mine, call_id)
    assert (call.status, call.direction) == ("ringing", "inbound")
    assert (call.from_number, call.phone_number) == ("+14155559999", "+14155550001")
    assert (await world.calls.redeem_stream_token(token)).call_id == call_id
    assert world.switchboard.holds(call_id)


async def test_a_carrier_that_tells_it_ten_times_at_once_has_one_call(world: World, mine: str) -> None:
    number = await world.number(mine, (await world.agent(mine)).id)

    answers = await asyncio.gather(*(world.calls.ring_inbound(number.id, ringing()) for _ in range(10)))

    assert len({plan.call_id for plan, _ in answers}) == 1
    assert len({token.reveal() for _, token in answers}) == 10
    assert (await world.calls.list(mine, CallList()))[1] == 1


async def test_a_number_without_an_agent_is_not_answered(world: World, mine: str) -> None:
    number = await world.number(mine)

    with pytest.raises(Conflict):
        await world.calls.ring_inbound(number.id, ringing())
    await world.numbers.release(mine, number.id)
    with pytest.raises(NotFound):
        await world.calls.ring_inbound(number.id, ringing())


async def test_a_draining_server_lets_nobody_in(world: World, mine: str) -> None:
    world.switchboard.is_draining = True

    with pytest.raises(Draining):
        await let_in(world, mine)

    [call], _ = await world.calls.list(mine, CallList())
    assert (call.status, call.end_reason) == ("failed", "server_shutdown")


async def test_a_call_that_is_over_does_not_ring_again(world: World, mine: str) -> None:
    call_id, token = await let_in(world, mine)
    await world.log.finished(call_id, "caller_hangup")
    call = await world.calls.get(mine, call_id)

    with pytest.raises(Conflict):
        await world.calls.ring_inbound(call.number_id or "", ringing())
    with pytest.raises(Conflict):
        await world.calls.reissue(call_id)
    with pytest.raises(Forbidden):
        await world.calls.redeem_stream_token(token)


# ---------------------------------------------------------------- tokens


async def test_a_token_lets_one_of_twenty_in(world: World, mine: str) -> None:
    _, token = await let_in(world, mine)

    tries = await asyncio.gather(*(world.calls.redeem_stream_token(token) for _ in range(20)), return_exceptions=True)

    assert sorted(type(outcome).__name__ for outcome in tries) == ["CallPlan"] + ["Forbidden"] * 19


async def test_a_token_is_good_for_a_minute(world: World, mine: str) -> None:
    call_id, late = await let_in(world, mine)
    early = (await world.calls.reissue(call_id)).reveal()
    world.clock.advance(59)
    await world.calls.redeem_stream_token(early)
    world.clock.advance(2)

    with pytest.raises(Forbidden):
        await world.calls.redeem_stream_token(late)


@pytest.mark.parametrize("token", ["", "guess", "\x00", "\ud800", "x" * 100_000])
async def test_a_guessed_token_opens_nothing(world: World, token: str) -> None:
    with pytest.raises(Forbidden):
        await world.calls.redeem_stream_token(token)


# ---------------------------------------------------------------- ending and listing


async def test_a_live_call_is_asked_to_end(world: World, mine: str) -> None:
    call_id = await place(world, mine)

    await world.calls.end(mine, call_id)

    assert world.switchboard.ended == [("ask_end", call_id, "api_request")]
    assert "end" not in [verb for verb, *_ in world.carrier.asked]


async def test_a_call_nobody_holds_is_hung_up_at_the_carrier(world: World, mine: str) -> None:
    call_id = await place(world, mine)
    world.switchboard.held.clear()

    ended = await world.calls.end(mine, call_id)
    again = await world.calls.end(mine, call_id)

    assert (ended.status, ended.end_reason, again.ended_at) == ("failed", "api_request", ended.ended_at)
    assert [verb for verb, *_ in world.carrier.asked].count("end") == 1


async def test_calls_are_found_by_what_they_are(world: World, mine: str) -> None:
    inbound, _ = await let_in(world, mine)
    await world.log.connected(inbound)
    await world.log.finished(inbound, "caller_hangup")
    world.clock.advance(1)
    outbound = await place(world, mine, to_number="+442079460958")
    call = await world.calls.get(mine, outbound)

    async def found(**query: Any) -> list[str]:
        return [row.id for row in (await world.calls.list(mine, CallList(**query)))[0]]

    assert await found() == [outbound, inbound]
    assert await found(status="completed") == [inbound]
    assert await found(status="in-progress") == [outbound]
    assert await found(status="failed") == []
    assert await found(direction="inbound") == [inbound]
    assert await found(search="207946") == [outbound]
    assert await found(search="%") == []
    assert await found(agent_id=call.agent_id) == [outbound]
    assert await found(number_id=call.number_id) == [outbound]
    assert await found(limit=1, offset=1) == [inbound]


async def test_calls_of_a_server_that_died_are_closed(world: World, mine: str) -> None:
    old, _ = await let_in(world, mine)
    await world.log.connected(old)
    held = await place(world, mine)
    watch = CallWatch(world.database, world.log, lambda: [held], world.clock)
    world.clock.advance(60)
    await watch.mark()
    assert await watch.close_lost() == 0
    world.clock.advance(60)

    assert await watch.close_lost() == 1

    lost = await world.calls.get(mine, old)
    assert (lost.status, lost.end_reason) == ("failed", "media_lost")
    assert (await world.calls.get(mine, held)).status == "queued"


async def test_a_report_about_another_leg_is_not_about_this_call(world: World, mine: str) -> None:
    call_id = await place(world, mine)

    with pytest.raises(NotFound):
        await world.calls.report(CallReport("CA-other", "completed"), call_id=call_id)
    with pytest.raises(NotFound):
        await world.calls.report(CallReport("CA-other", "completed"), number_id="num_unknown")


# ---------------------------------------------------------------- caller ID, and finding calls


async def test_the_caller_id_is_the_number_that_was_attached_first(world: World, mine: str) -> None:
    agent = await world.agent(mine)
    first, second = await world.number(mine), await world.number(mine)
    for number in (second, first):
        world.clock.advance(1)
        await world.agents.attach_number(mine, agent.id, number.id)
    wanted = CallCreate(agent_id=agent.id, to_number="4155559999")

    assert (await world.calls.create(mine, wanted)).from_number == second.phone_number
    await world.agents.detach_number(mine, agent.id, second.id)
    assert (await world.calls.create(mine, wanted)).from_number == first.phone_number
    world.clock.advance(1)
    await world.agents.attach_number(mine, agent.id, second.id)
    assert (await world.calls.create(mine, wanted)).from_number == first.phone_number


async def test_a_caller_id_may_be_named_by_its_id(world: World, mine: str, theirs: str) -> None:
    number = await world.number(mine)
    call = await world.calls.get(mine, await place(world, mine, from_number_id=number.id))
    assert (call.from_number, call.number_id) == (number.phone_number, number.id)

    foreign = await world.number(theirs)
    wanted = CallCreate(agent_id=call.agent_id or "", to_number="4155559999", from_number_id=foreign.id)
    with pytest.raises(NotFound):
        await world.calls.create(mine, wanted)
    await world.numbers.release(mine, number.id)
    with pytest.raises(BadInput, match="released"):
        await world.calls.create(mine, wanted.model_copy(update={"from_number_id": number.id}))


async def test_no_call_goes_over_a_carrier_without_an_adapter(world: World, mine: str) -> None:
    config = {"trunk_address": "sip.example.com"}
    await world.numbers.import_(
        mine, NumberImport(phone_number="+14155557777", provider="tenyx", provider_config=config)
    )

    with pytest.raises(BadInput, match="tenyx"):
        await place(world, mine, from_number="+14155557777")


@pytest.mark.parametrize("search", ["(415) 555", "+1 415", "555-9999", " 1415"])
async def test_a_number_is_found_however_it_is_written(world: World, mine: str, search: str) -> None:
    call_id = await place(world, mine)
    await place_abroad(world, mine)

    found, total = await world.calls.list(mine, CallList(search=search))

    assert call_id in {row.id for row in found}
    assert total == (2 if search in {"(415) 555", "+1 415", " 1415"} else 1)


async def place_abroad(world: World, project_id: str) -> str:
    return await place(world, project_id, to_number="+442079460958")


async def test_calls_are_found_by_finer_words_than_the_api_has(world: World, mine: str) -> None:
    call_id = await place(world, mine)

    async def found(*statuses: CallStatus) -> int:
        return (await world.calls.list(mine, CallList(), statuses))[1]

    assert [await found("queued", "ringing"), await found("in-progress"), await found()] == [1, 0, 0]
    await world.log.connected(call_id)
    assert [await found("queued", "ringing"), await found("in-progress"), await found()] == [0, 1, 0]


async def test_a_call_keeps_the_dialect_it_was_placed_through(world: World, mine: str) -> None:
    agent = await world.agent(mine)
    number = await world.numbers.import_(mine, NumberImport(phone_number="+14155557777", agent_id=agent.id), "another")
    wanted = CallCreate(agent_id=agent.id, to_number="4155559999")

    assert (await world.calls.create(mine, wanted)).dialect == "native"
    assert (await world.calls.create(mine, wanted, "another")).dialect == "another"
    plan, _ = await world.calls.ring_inbound(number.id, ringing())
    assert (await world.calls.get(mine, plan.call_id)).dialect == "another"


async def test_a_call_whose_webhook_nobody_can_sign_for_has_failed(world: World, mine: str, database: Database) -> None:
    agent = await world.agent(mine, voice_mode="webhook")
    number = await world.number(mine, agent.id)
    await world.webhooks.put(mine, None, WebhookPut(url="https://a.example"))
    restarted = World(database, Cipher([Secret("another-operator-key")]))

    with pytest.raises(ConfigurationError, match="PARLEY_SECRET_KEY"):
        await restarted.calls.ring_inbound(number.id, ringing())

    [call], _ = await world.calls.list(mine, CallList())
    assert (call.status, call.end_reason) == ("failed", "provider_failed")
