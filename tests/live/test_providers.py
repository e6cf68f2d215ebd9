"""Which providers a call is held with, and what an operator sees of those that fail."""

from __future__ import annotations

import msgspec
import pytest

from parley.audio.formats import MULAW_8K
from parley.domain.agents import ListenChoice, VoiceChoice
from parley.domain.errors import ProviderUnavailable
from parley.domain.secrets import Secret
from parley.live.metrics import Metrics
from parley.live.providers import Providers
from parley.providers.failover.breaker import BreakerRules, Breakers
from parley.providers.speech_to_text.simulated import SimulatedSpeechToText
from parley.providers.text_to_speech.tone import Tone
from tests.live.test_session import PLAN, Hands


def providers(breakers: Breakers | None = None) -> Providers:
    hands = Hands()
    return Providers(
        speech_to_text={"simulated": SimulatedSpeechToText()},
        text_to_speech={"tone": Tone()},
        models={"scripted": hands},
        webhook=hands,
        carrier_audio={},
        breakers=breakers or Breakers(),
    )


async def test_a_spare_that_this_server_does_not_know_is_left_out() -> None:
    agent = msgspec.structs.replace(
        PLAN.agent, spare_listens=(ListenChoice("nobody"),), spare_voices=(VoiceChoice("nobody"), VoiceChoice("tone"))
    )
    plan = msgspec.structs.replace(PLAN, agent=agent, spare_keys={"tone": Secret("x")})
    doors = providers()
    doors.check(plan)
    told: list[object] = []
    hearing = doors.hearing(plan, MULAW_8K, told.append)
    hearing.hear(b"\xff" * 160)
    hearing.replace("no_words")
    assert doors.speaking(plan, MULAW_8K, told.append) is not None
    assert not told


async def test_a_first_provider_that_this_server_does_not_know_is_an_error() -> None:
    agent = msgspec.structs.replace(PLAN.agent, listen=ListenChoice("nobody"))
    with pytest.raises(ProviderUnavailable):
        providers().check(msgspec.structs.replace(PLAN, agent=agent))


def test_a_provider_that_is_left_out_is_shown_to_the_operator_until_it_is_back() -> None:
    metrics, breakers = Metrics(), Breakers(BreakerRules(failures=2))
    breakers.watch(metrics.breaker)

    def shown() -> float | None:
        labels = {"part": "speech_to_text", "provider": "deepgram:nova-3"}
        return metrics.registry.get_sample_value("parley_breaker_open", labels)

    for now in range(2):
        breakers.failed("speech_to_text", "deepgram:nova-3", now, "stalled")
    assert shown() == 1
    breakers.succeeded("speech_to_text", "deepgram:nova-3")
    assert shown() == 0


def test_names_that_customers_make_up_do_not_fill_what_the_operator_is_shown() -> None:
    metrics, breakers = Metrics(), Breakers(BreakerRules(failures=1))
    breakers.watch(metrics.breaker)
    for number in range(3000):
        breakers.failed("responder", f"openai:made-up-{number}", number, "timeout")
        breakers.succeeded("responder", f"openai:made-up-{number}")
    [shown] = [one for one in metrics.registry.collect() if one.name == "parley_breaker_open"]
    assert len(shown.samples) <= 100
    breakers.failed("responder", "openai:real", 5000, "timeout")
    assert (
        metrics.registry.get_sample_value("parley_breaker_open", {"part": "responder", "provider": "openai:real"}) == 1
    )
