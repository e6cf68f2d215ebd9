"""Callers whose place went without them, and turns that come between two steps: nobody is lost, nobody goes round."""

from __future__ import annotations

import pytest

from parley.domain.stages import Waiting
from parley.storage.tables import NumberRow
from tests.services.queueing import limited, ring
from tests.services.world import World, ringing


@pytest.fixture
async def number(world: World, mine: str) -> NumberRow:
    """The number of an agent that holds one call at a time."""
    return await world.number(mine, (await limited(world, mine)).id)


async def test_a_turn_between_the_stream_and_its_first_word_is_not_lost(world: World, number: NumberRow) -> None:
    first = await ring(world, number, "CA-1")
    plan, token = await world.calls.ring_inbound(number.id, ringing("CA-2"))
    waits = await world.calls.redeem_stream_token(token.reveal())
    assert isinstance(waits.stage, Waiting)
    await world.log.finished(first.id, "caller_hangup")
    await world.dispatcher.dispatch(number.project_id)  # before it is written that the caller is connected
    await world.log.connected(plan.call_id)
    world.switchboard.held.pop(plan.call_id)

    following, _ = await world.calls.after(plan.call_id)
    assert (following.stage, following.agent.id) == (None, number.agent_id)
