"""A caller who dictates with pauses, over the real wire: nobody cuts in, and nobody waits once it is complete."""

from __future__ import annotations

from tests.journeys.world import World, rows


async def test_a_number_dictated_slowly_is_one_turn(world: World) -> None:
    world.openai.decide = lambda messages: "Noted."
    phone = await world.call(await world.hosted())
    await phone.say("My number is four one five")
    await phone.pause(0.8)
    await phone.say("five five five two six seven one.")
    ended_at = phone.timeline.said[-1].ended_at
    await phone.wait_until_agent_speaks()
    await phone.wait_until_agent_silent()
    await phone.hang_up()
    assert ended_at is not None
    first_at = min(one.arrived_at for one in phone.heard)
    assert ended_at < first_at < ended_at + 1.5 + world.slack_s
    assert rows(await world.ended_call()) == [
        ("My number is four one five five five five two six seven one.", "Noted.")
    ]
