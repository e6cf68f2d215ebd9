"""The simulated carrier with the real adapter on one side and a platform that follows it on the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from parley.audio.watermark import WatermarkReader, speak
from parley.domain.carriers import CallHooks, CarrierAccount, NumberHooks
from parley.domain.errors import NotFound
from parley.domain.secrets import Secret
from parley.providers.carriers.twilio import Twilio, twiml
from parley.providers.tls import http_trust
from parley.simulation import Ringing
from tests.emulators.twilio import (
    TwilioEmulator,
    cut,
    invent_marks,
    is_stream_accepted,
    lie_about_marks,
    send_garbage,
    stream_of,
)
from tests.simulation.platform import TinyPlatform, until

OURS, THEIRS, OTHER = "+14155550100", "+15550100001", "+15550100077"


class Scene:
    """Carrier, platform and adapter, with one number bought and pointed at the platform."""

    def __init__(self, carrier: TwilioEmulator, platform: TinyPlatform, twilio: Twilio) -> None:
        self.carrier = carrier
        self.platform = platform
        self.twilio = twilio
        self.account = CarrierAccount(carrier.account_sid, Secret(carrier.auth_token))

    async def buy(self) -> None:
        url = self.platform.url
        hooks = NumberHooks(url + "/voice", url + "/status", url + "/message")
        await self.twilio.buy(self.account, OURS, hooks)

    async def dial(self) -> str:
        hooks = CallHooks(self.platform.url + "/answer", self.platform.url + "/status")
        return await self.twilio.dial(self.account, OURS, THEIRS, hooks)

    @property
    def statuses(self) -> list[str]:
        return [report.status for report in self.platform.reports]


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with (
        httpx.AsyncClient(trust_env=False, timeout=60, verify=http_trust()) as http,
        TwilioEmulator() as carrier,
        TinyPlatform(carrier.auth_token) as platform,
    ):
        scene = Scene(carrier, platform, Twilio(http, carrier.url))
        await scene.buy()
        yield scene


async def test_a_bought_number_can_be_called(scene: Scene) -> None:
    phone = scene.carrier.phone(THEIRS)
    await scene.carrier.call_in(phone, OURS)
    await phone.say("hello")
    await phone.hang_up()
    path, form = scene.platform.asked[0]
    assert (path, form["From"], form["To"], form["Direction"]) == ("/voice", THEIRS, OURS, "inbound")
    assert scene.statuses == ["completed"]
    assert phone.problems == []


async def test_a_number_that_was_not_bought_cannot(scene: Scene) -> None:
    with pytest.raises(NotFound):
        await scene.carrier.call_in(scene.carrier.phone(THEIRS), OTHER)


async def test_an_outbound_call_talks_both_ways(scene: Scene) -> None:
    scene.platform.on_session = lambda session: session.leg.play(speak("hello there"))
    phone = scene.carrier.phone(THEIRS)
    sid = await scene.dial()
    await phone.wait_until_connected()
    await phone.wait_until_agent_speaks()
    await phone.say("yes please")
    await phone.wait_until_agent_silent()
    await phone.hang_up()
    assert phone.timeline.words_heard == ["hello", "there"]
    assert WatermarkReader().feed(bytes(scene.platform.sessions[0].audio)) == ["yes", "please"]
    assert scene.statuses == ["queued", "ringing", "in-progress", "completed"]
    assert {report.carrier_call_id for report in scene.platform.reports} == {sid}
    assert scene.platform.asked[0][0] == "/answer"
    assert scene.platform.asked[0][1]["CallStatus"] == "in-progress"


@pytest.mark.parametrize(
    ("outcome", "reason"), [("busy", "busy"), ("no-answer", "no_answer"), ("failed", "carrier_failed")]
)
async def test_calls_nobody_answers(scene: Scene, outcome: str, reason: str) -> None:
    phone = scene.carrier.phone(THEIRS, Ringing(outcome, 0.01))
    await scene.dial()
    assert await phone.wait_until_over() == outcome
    assert scene.platform.reports[-1].reason == reason
    assert scene.platform.asked == []


async def test_ending_by_rest_stops_the_stream(scene: Scene) -> None:
    phone = scene.carrier.phone(THEIRS)
    sid = await scene.dial()
    await phone.wait_until_connected()
    session = await scene.platform.session(0)
    await scene.twilio.end(scene.account, sid)
    assert await phone.wait_until_over() == "completed"
    assert await session.until_closed() == ["stopped"]
    assert [path for path, _ in scene.platform.asked] == ["/answer"], "after an ending by REST nothing more is asked"


async def test_ending_a_ringing_call_cancels_it(scene: Scene) -> None:
    phone = scene.carrier.phone(THEIRS, Ringing("answered", 30))
    sid = await scene.dial()
    await scene.twilio.end(scene.account, sid)
    assert await phone.wait_until_over() == "canceled"
    assert scene.platform.reports[-1].reason == "canceled"


async def test_another_document_breaks_into_the_call_and_puts_the_caller_through(scene: Scene) -> None:
    phone = scene.carrier.phone(THEIRS)
    await scene.carrier.call_in(phone, OURS)
    session = await scene.platform.session(0)
    document = f'<Response><Dial callerId="{OURS}"><Number>{OTHER}</Number></Dial></Response>'
    scene.carrier.update_call(phone.current.sid, {"Twiml": document})
    assert await phone.wait_until_over() == "completed"
    assert [(each.number, each.caller_id) for each in phone.current.dialled] == [(OTHER, OURS)]
    assert await session.until_closed() == ["stopped"]
    assert [path for path, _ in scene.platform.asked] == ["/voice"]


async def test_an_orderly_end_of_the_stream_asks_what_comes_next(scene: Scene) -> None:
    scene.platform.on_session = lambda session: session.leg.close()
    phone = scene.carrier.phone(THEIRS)
    _ = await scene.carrier.call_in(phone, OURS)
    assert await phone.wait_until_over() == "completed"
    assert [path for path, _ in scene.platform.asked] == ["/voice", "/after"]
    assert phone.problems == []


@pytest.mark.parametrize(
    ("party", "outcome", "is_answered"),
    [
        (Ringing("answered", 0.01, talks_s=0.01), "completed", True),
        (Ringing("busy", 0.01), "busy", False),
        (Ringing("failed", 0.01), "failed", False),
        (Ringing("answered", 60.0), "no-answer", False),
    ],
)
async def test_a_forwarded_call_asks_what_comes_next(
    scene: Scene, party: Ringing, outcome: str, is_answered: bool
) -> None:
    scene.carrier.phone(OTHER, party)
    url = scene.platform.url
    scene.platform.documents["/voice"] = twiml.forward(OTHER, THEIRS, f"{url}/after", f"{url}/answered", 1)
    phone = scene.carrier.phone(THEIRS)
    _ = await scene.carrier.call_in(phone, OURS)
    assert await phone.wait_until_over() == "completed"
    asked = dict(scene.platform.asked)
    assert asked["/after"]["DialCallStatus"] == outcome
    assert asked["/after"]["CallStatus"] == ("in-progress" if is_answered else "ringing"), "it is answered by a human"
    assert ("/answered" in asked) is is_answered
    if is_answered:
        assert (asked["/answered"]["ParentCallSid"], asked["/answered"]["To"]) == (phone.current.sid, OTHER)
    assert phone.problems == []


async def test_a_caller_may_give_up_while_a_human_is_rung(scene: Scene) -> None:
    scene.carrier.phone(OTHER, Ringing("answered", 60.0))
    after = f"{scene.platform.url}/after"
    scene.platform.documents["/voice"] = twiml.forward(OTHER, THEIRS, after, f"{scene.platform.url}/answered", 60)
    phone = scene.carrier.phone(THEIRS)
    calling = asyncio.create_task(scene.carrier.call_in(phone, OURS))
    await scene.platform.asked_at("/voice")
    await phone.hang_up()
    await calling
    asked = dict(scene.platform.asked)
    assert (asked["/after"]["CallStatus"], asked["/after"]["DialCallStatus"]) == ("completed", "canceled")


async def test_a_busy_phone_is_busy(scene: Scene) -> None:
    await scene.carrier.call_in(scene.carrier.phone(THEIRS), OURS)
    second = await scene.dial()
    await asyncio.wait_for(scene.carrier.calls[second].is_settled.wait(), 60)
    assert scene.carrier.calls[second].status == "busy"


async def test_callbacks_may_come_twice(scene: Scene) -> None:
    scene.carrier.callbacks.mode = "twice"
    phone = scene.carrier.phone(THEIRS, Ringing("busy", 0.01))
    await scene.dial()
    await phone.wait_until_over()
    assert scene.statuses == ["queued", "queued", "ringing", "ringing", "failed", "failed"]


async def test_callbacks_may_come_in_disorder(scene: Scene) -> None:
    scene.carrier.callbacks.mode = "reversed"
    phone = scene.carrier.phone(THEIRS)
    await scene.dial()
    await phone.wait_until_connected()
    await phone.hang_up()
    assert scene.statuses == ["completed", "in-progress", "ringing", "queued"]


async def test_garbage_and_invented_marks_do_not_end_the_call(scene: Scene) -> None:
    phone = scene.carrier.phone(THEIRS)
    await scene.carrier.call_in(phone, OURS)
    send_garbage(phone)
    invent_marks(phone)
    await phone.say("still here")
    session = await scene.platform.session(0)
    await until(lambda: WatermarkReader().feed(bytes(session.audio))[-1:] == ["here"])
    assert session.closed == []
    assert session.positions == []


async def test_marks_returned_at_once_are_taken_for_what_they_say(scene: Scene) -> None:
    phone = scene.carrier.phone(THEIRS)
    await scene.carrier.call_in(phone, OURS)
    lie_about_marks(phone, "at_once")
    session = await scene.platform.session(0)
    session.leg.play(b"\x7f" * 16_000)
    await phone.wait_until_agent_speaks()
    await until(lambda: session.positions[-1:] == [16_000])
    assert not session.closed


async def test_a_cut_socket_is_lost(scene: Scene) -> None:
    phone = scene.carrier.phone(THEIRS)
    await scene.carrier.call_in(phone, OURS)
    session = await scene.platform.session(0)
    cut(phone)
    assert await phone.wait_until_over() == "completed"
    assert await session.until_closed() == ["lost"]
    assert scene.platform.asked[-1][0] == "/after"


async def test_a_phone_whose_socket_broke_sends_into_nothing(scene: Scene) -> None:
    """Its clock may beat once more before anybody knows."""
    phone = scene.carrier.phone(THEIRS)
    await scene.carrier.call_in(phone, OURS)
    socket = stream_of(phone).socket
    cut(phone)
    await phone.wait_until_over()
    assert not socket.is_open
    socket.send("{}")
    socket.close()
    socket.pause()


async def test_a_stream_without_start_or_token_is_not_accepted(scene: Scene) -> None:
    url = scene.platform.url.replace("http", "ws") + "/media"
    assert not await is_stream_accepted(url, "")
    assert await is_stream_accepted(url, "t0ken", within_s=0.1), "the tiny platform does not check for reuse"
    assert not await is_stream_accepted(scene.platform.url.replace("http", "ws") + "/nowhere", "t0ken")


async def test_rest_moods(scene: Scene) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=0.2) as http:
        scene.carrier.rest.fail(502)
        assert (await http.post(scene.carrier.url + "/2010-04-01/Accounts/AC1/Calls.json")).status_code == 502
        scene.carrier.rest.behave()
        scene.carrier.rest.refuse(400, 21217, "Phone number does not appear to be valid")
        assert (await http.post(scene.carrier.url + "/2010-04-01/Accounts/AC1/Calls.json")).json()["code"] == 21217
        scene.carrier.rest.hang()
        with pytest.raises(httpx.ReadTimeout):
            await http.post(scene.carrier.url + "/2010-04-01/Accounts/AC1/Calls.json")
