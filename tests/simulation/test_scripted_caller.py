"""The caller who tests a server: what it says and hears, and how it gets through where the public address does not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from parley.audio.formats import MULAW_8K
from parley.audio.watermark import WatermarkReader, speak
from parley.domain.agents import AgentSnapshot, ListenChoice, VoiceChoice
from parley.domain.call_tests import CallOrder, CallSeen
from parley.domain.calls import CallPlan
from parley.domain.carriers import CarrierAccount
from parley.domain.secrets import Secret
from parley.live.providers import Providers
from parley.providers.carriers.twilio import twiml
from parley.providers.protocols import Responder
from parley.providers.speech_to_text.simulated import SimulatedSpeechToText
from parley.providers.text_to_speech.tone import Tone
from parley.simulation.mouth import without_last_silence
from parley.simulation.scripted_caller import ScriptedCaller
from parley.simulation.serving import LoopbackServer
from tests.simulation.platform import Session, TinyPlatform

TOKEN = "secret-token"
AGENT = AgentSnapshot(
    id="agent_1", name="Ann", voice_mode="hosted", listen=ListenChoice("simulated"), voice=VoiceChoice("tone")
)
PLAN = CallPlan(
    call_id="call_1",
    project_id="proj_1",
    direction="inbound",
    from_number="+15555550199",
    to_number="+15555550100",
    agent=AGENT,
)


@pytest.fixture
async def platform() -> AsyncIterator[TinyPlatform]:
    async with TinyPlatform(TOKEN) as platform:
        platform.on_session = lambda session: session.leg.play(speak("good morning"))
        yield platform


async def plan() -> CallPlan | None:
    return PLAN


def providers() -> Providers:
    return Providers(
        speech_to_text={"simulated": SimulatedSpeechToText()},
        text_to_speech={"tone": Tone()},
        models={},
        webhook=cast(Responder, None),  # nobody is asked: the platform speaks by itself
        carrier_audio={"twilio": MULAW_8K},
    )


async def called(public_url: str, own_url: str, *script: str, token: str = TOKEN) -> CallSeen:
    order = CallOrder(
        carrier="twilio",
        carrier_call_id="test_0123456789abcdef",
        account=CarrierAccount("AC" + "0" * 32, Secret(token)),
        voice_url=f"{public_url}/voice",
        status_url=f"{public_url}/status",
        from_number="+15555550199",
        to_number="+15555550100",
        script=script,
        duration_s=20.0,
        greeting_wait_s=5.0,
    )
    seen = CallSeen()
    async with httpx.AsyncClient(trust_env=False) as http:
        await ScriptedCaller(providers(), http, public_url, own_url).call(order, plan, seen)
    return seen


def answers_once(session: Session) -> None:
    """As soon as the caller has said a word, the agent talks."""
    if WatermarkReader().feed(bytes(session.audio)):
        session.platform.on_audio = lambda _: None
        session.leg.play(speak("yes"))


async def test_a_call_goes_to_its_end_and_everything_is_noted(platform: TinyPlatform) -> None:
    platform.on_audio = answers_once
    seen = await called(platform.url, platform.url, "hello")

    assert seen.public is not None and seen.public.is_good and seen.own is None
    assert (seen.agent_words, seen.ended_by, seen.spoken_by) == (["good morning", "yes"], "caller", "simulated")
    assert [line.text for line in seen.lines] == ["hello"]
    assert WatermarkReader().feed(bytes(platform.sessions[0].audio)) == ["hello"]
    assert seen.greeting_ms is not None and seen.hang_up is not None and seen.hang_up.is_good
    assert [report.status for report in platform.reports] == ["completed"]
    assert seen.complaints == []


async def test_where_nothing_listens_publicly_the_call_goes_on_over_the_own_address(platform: TinyPlatform) -> None:
    platform.public_url = "http://127.0.0.1:9"
    seen = await called(platform.public_url, platform.url)

    assert seen.public is not None and (seen.public.status, seen.public.error) == (None, "refused")
    assert seen.own is not None and seen.own.is_good
    assert seen.agent_words == ["good morning"]
    assert seen.hang_up is not None and seen.hang_up.is_good


async def test_a_proxy_without_websockets_is_gone_around(platform: TinyPlatform) -> None:
    async def forward(request: Request) -> Response:
        async with httpx.AsyncClient(trust_env=False) as http:
            headers = {name: request.headers[name] for name in ("content-type", "x-twilio-signature")}
            answer = await http.post(platform.url + request.url.path, content=await request.body(), headers=headers)
        return Response(answer.content, answer.status_code, media_type="text/xml")

    async with LoopbackServer(Starlette(routes=[Route("/{path}", forward, methods=["POST"])])) as proxy:
        platform.public_url = proxy.url
        # The platform asks for the stream once more, as parley does while the call lives.
        platform.documents["/after"] = twiml.connect(proxy.url.replace("http", "ws") + "/media", "t0ken", "")
        seen = await called(proxy.url, platform.url)

    assert seen.public is not None and seen.public.is_good and seen.own is None
    assert "handshake" in seen.stream_error
    assert seen.connected_ms is not None
    assert seen.agent_words == ["good morning"]


async def test_a_signature_that_is_refused_ends_it(platform: TinyPlatform) -> None:
    seen = await called(platform.url, platform.url, token="another-token")
    assert seen.public is not None and seen.public.status == 403
    assert (seen.verbs, seen.connected_ms, platform.asked) == ([], None, [])


async def test_a_declined_call_and_a_forwarded_one_open_no_stream(platform: TinyPlatform) -> None:
    platform.documents["/voice"] = twiml.reject()
    declined = await called(platform.url, platform.url)
    platform.documents["/voice"] = twiml.forward("+15555550123", "+15555550100", "", "", 5)
    forwarded = await called(platform.url, platform.url)
    assert (declined.verbs, forwarded.verbs) == (["reject"], ["dial"])
    assert declined.connected_ms is forwarded.connected_ms is None


def test_the_silence_that_voices_end_in_is_not_waited_for() -> None:
    said, silence = speak("hello there"), MULAW_8K.silence_byte * 4000
    trimmed = without_last_silence(said + silence)
    assert WatermarkReader().feed(trimmed) == ["hello", "there"]
    assert len(trimmed) < len(said) + MULAW_8K.bytes_in(220)
    assert len(without_last_silence(silence)) <= MULAW_8K.bytes_in(220)
