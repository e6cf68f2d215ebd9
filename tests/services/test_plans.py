"""What a session is told: the agent of the moment, a call's overrides, the right keys and the right webhook."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.domain.agents import ListenChoice, ModelChoice, VoiceChoice
from parley.domain.calls import CallPlan
from parley.domain.templates import fill
from parley.schemas.agents import AgentUpdate
from parley.schemas.calls import CallCreate
from parley.schemas.credentials import CredentialCreate
from parley.schemas.webhooks import WebhookPut
from tests.services.world import World


async def placed(world: World, project_id: str, agent: dict[str, Any], **call: Any) -> CallPlan:
    row = await world.agent(project_id, **agent)
    await world.number(project_id, row.id)
    wanted = CallCreate(agent_id=row.id, to_number="4155559999", **call)
    return world.switchboard.held[(await world.calls.create(project_id, wanted)).id]


async def test_the_server_fills_what_the_agent_leaves_open(world: World, mine: str) -> None:
    plan = await placed(world, mine, {})

    assert plan.agent.voice == VoiceChoice(provider="speaks", voice="house-voice")
    assert plan.agent.listen == ListenChoice()
    assert plan.agent.model == ModelChoice(provider="thinks", model="small")
    assert plan.voice_key.reveal() == "operator-speaks"
    assert not plan.model_key


async def test_the_agent_chooses_each_part(world: World, mine: str) -> None:
    agent = {
        "language": "de-DE",
        "speech_to_text": {"provider": "hears", "model": "sharp"},
        "text_to_speech": {"provider": "other", "voice": "v1", "speed": 1.5, "language": "de-AT"},
        "language_model": {"model": "large", "temperature": 0.1},
    }
    await world.credentials.create(mine, CredentialCreate(name="k", provider="hears", api_key="own-key"))

    plan = await placed(world, mine, agent)

    assert plan.agent.listen == ListenChoice("hears", "sharp", "de-DE")
    assert plan.agent.voice == VoiceChoice("other", "", "v1", "de-AT", 1.5)
    assert plan.agent.model == ModelChoice("thinks", "large", 0.1)
    assert plan.listen_key.reveal() == "own-key"


@pytest.mark.parametrize(
    ("agent", "call_voice", "voice"),
    [
        ({"voice": "11labs-Brian"}, None, ("elevenlabs", "nPczCjzI2devNBz1zQrb")),
        ({"voice": "my-own"}, None, ("speaks", "my-own")),
        ({"voice": "alloy"}, None, ("speaks", "house-voice")),
        ({"voice": "my-own"}, "11labs-Brian", ("elevenlabs", "nPczCjzI2devNBz1zQrb")),
        ({"voice": "my-own", "text_to_speech": {"voice": "finer"}}, None, ("speaks", "finer")),
        ({"voice": "11labs-Brian", "text_to_speech": {"provider": "speaks"}}, None, ("speaks", "house-voice")),
        ({"text_to_speech": {"provider": "elevenlabs", "voice": "abc"}}, None, ("elevenlabs", "abc")),
        ({}, "Polly.Amy", ("speaks", "house-voice")),
    ],
)
async def test_a_voice_finds_its_provider(
    world: World, mine: str, agent: dict[str, Any], call_voice: str | None, voice: tuple[str, str]
) -> None:
    plan = await placed(world, mine, agent, voice=call_voice)

    assert (plan.agent.voice.provider, plan.agent.voice.voice) == voice


async def test_a_known_voice_speaks_through_the_projects_own_key(world: World, mine: str) -> None:
    world.plans.defaults = msgspec.structs.replace(
        world.plans.defaults, keyed_voice_providers=frozenset({"openai"}), voice_providers=frozenset({"speaks"})
    )
    before = await placed(world, mine, {"voice": "alloy"})
    await world.credentials.create(mine, CredentialCreate(name="k", provider="openai", api_key="own-key"))
    after = await placed(world, mine, {"voice": "alloy"})

    assert (before.agent.voice.provider, before.agent.voice.voice) == ("speaks", "house-voice")
    assert (after.agent.voice.provider, after.agent.voice.voice) == ("openai", "alloy")


@pytest.mark.parametrize(
    ("provider", "voice"), [("elevenlabs", "Xb7hH8MSUJpSbSDYk0k2"), ("openai", "nova"), ("espeak", "en-gb+f3")]
)
async def test_a_known_voice_speaks_on_every_server(world: World, mine: str, provider: str, voice: str) -> None:
    world.plans.defaults = msgspec.structs.replace(
        world.plans.defaults, voice=VoiceChoice(provider), voice_providers=frozenset({provider})
    )
    plan = await placed(world, mine, {"voice": "Polly.Amy"})

    assert (plan.agent.voice.provider, plan.agent.voice.voice) == (provider, voice)


async def test_a_provider_that_turned_out_not_to_speak_is_stood_in_for(world: World, mine: str) -> None:
    lost: set[str] = set()
    world.plans.defaults = msgspec.structs.replace(world.plans.defaults, lost_voice_providers=lambda: frozenset(lost))
    before = await placed(world, mine, {"voice": "11labs-Brian"})
    lost.add("elevenlabs")
    after = await placed(world, mine, {"voice": "11labs-Brian"})

    assert (before.agent.voice.provider, after.agent.voice.provider) == ("elevenlabs", "speaks")


async def test_a_prompt_for_the_call_puts_the_model_in_charge(world: World, mine: str) -> None:
    await world.webhooks.put(mine, None, WebhookPut(url="https://a.example"))
    agent = {"voice_mode": "webhook", "system_prompt": None, "begin_message": "Hi {{name}}, {{ unknown }}!"}

    plan = await placed(
        world, mine, agent, system_prompt="Sell {{ thing.kind }}.", variables={"name": "Sam", "thing.kind": 3}
    )

    assert (plan.agent.voice_mode, plan.webhook) == ("hosted", None)
    assert (plan.agent.system_prompt, plan.agent.greeting) == ("Sell 3.", "Hi Sam, !")


async def test_a_greeting_for_the_call_replaces_the_agents(world: World, mine: str) -> None:
    plan = await placed(world, mine, {"begin_message": "Hello!"}, initial_greeting="Good evening.")

    assert plan.agent.greeting == "Good evening."


async def test_the_agents_webhook_comes_before_the_projects(world: World, mine: str) -> None:
    agent = await world.agent(mine, voice_mode="webhook", system_prompt=None)
    await world.webhooks.put(mine, None, WebhookPut(url="https://project.example", context_limit=3, timeout=7))
    await world.number(mine, agent.id)
    dial = CallCreate(agent_id=agent.id, to_number="4155559999")

    by_project = world.switchboard.held[(await world.calls.create(mine, dial)).id].webhook
    await world.webhooks.put(mine, agent.id, WebhookPut(url="https://agent.example"))
    by_agent = world.switchboard.held[(await world.calls.create(mine, dial)).id].webhook
    own = dial.model_copy(update={"webhook_url": "https://call.example"})
    by_call = world.switchboard.held[(await world.calls.create(mine, own)).id].webhook

    assert by_project is not None
    assert by_agent is not None
    assert by_call is not None
    assert (by_project.url, by_project.context_limit, by_project.timeout_s) == ("https://project.example", 3, 7)
    assert by_agent.url == "https://agent.example"
    assert (by_call.url, by_call.webhook_id) == ("https://call.example", "")
    assert by_call.secret.reveal() == by_agent.secret.reveal()


async def test_editing_an_agent_leaves_a_call_in_mid_air_alone(world: World, mine: str) -> None:
    agent = await world.agent(mine, begin_message="Before.")
    await world.number(mine, agent.id)
    call = await world.calls.create(mine, CallCreate(agent_id=agent.id, to_number="4155559999"))

    await world.agents.update(mine, agent.id, AgentUpdate(begin_message="After.", system_prompt="Be rude."))

    plan, _ = await world.calls.answer_outbound(call.id)
    assert (plan.agent.greeting, plan.agent.system_prompt) == ("Before.", "Be kind.")


@given(st.text(max_size=200), st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=5))
def test_text_without_places_stays_as_it_is(text: str, variables: dict[str, str]) -> None:
    assert fill(text.replace("{{", "{"), variables) == text.replace("{{", "{")


@given(st.text(max_size=50))
def test_a_value_is_never_read_as_a_template(value: str) -> None:
    assert fill("{{a}}{{b}}", {"a": "{{b}}", "b": value}) == "{{b}}" + value


@pytest.mark.parametrize(("value", "written"), [(True, "true"), (None, ""), (1.5, "1.5"), ({"a": [1]}, '{"a": [1]}')])
def test_values_are_written_as_json_writes_them(value: object, written: str) -> None:
    assert fill("<{{x}}>", {"x": value}) == f"<{written}>"


async def test_a_call_changes_of_each_part_only_what_it_names(world: World, mine: str) -> None:
    agent = {
        "speech_to_text": {"provider": "hears", "model": "sharp"},
        "text_to_speech": {"provider": "speaks", "voice": "v1", "speed": 1.5},
        "language_model": {"model": "large", "temperature": 0.1},
    }

    plan = await placed(
        world,
        mine,
        agent,
        speech_to_text={"language": "fr"},
        text_to_speech={"voice": "v2"},
        language_model={"provider": "thinks", "temperature": 0.9},
    )

    assert plan.agent.listen == ListenChoice("hears", "sharp", "fr")
    assert (plan.agent.voice.voice, plan.agent.voice.speed) == ("v2", 1.5)
    assert plan.agent.model == ModelChoice("thinks", "large", 0.9)


async def test_to_another_provider_the_agents_choice_means_nothing(world: World, mine: str) -> None:
    agent = {"voice": "of-the-old-one", "language_model": {"model": "large", "temperature": 0.1}}

    plan = await placed(
        world, mine, agent, text_to_speech={"provider": "elevenlabs"}, language_model={"provider": "ponders"}
    )

    assert plan.agent.model == ModelChoice("ponders", "", None)
    assert (plan.agent.voice.provider, plan.agent.voice.voice) == ("elevenlabs", "")
