"""What a session is told: the agent of the moment, a call's overrides, the right keys and the right webhook."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.domain.agents import AgentSnapshot, Conduct, KeyEntry, ListenChoice, ModelChoice, VoiceChoice
from parley.domain.calls import CallPlan
from parley.domain.templates import fill
from parley.schemas.agents import AgentUpdate
from parley.schemas.base import parse
from parley.schemas.calls import CallCreate
from parley.schemas.credentials import CredentialCreate
from parley.schemas.webhooks import WebhookOut, WebhookPut
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


# ---------------------------------------------------------------- how the agent behaves


async def test_an_agent_that_nobody_told_how_behaves_well(world: World, mine: str) -> None:
    hosted = (await placed(world, mine, {})).agent
    await world.webhooks.put(mine, None, WebhookPut(url="https://a.example"))
    plan = await placed(world, mine, {"voice_mode": "webhook", "system_prompt": None})
    asking = plan.agent

    assert hosted.conduct == Conduct(thinks_ahead=True, gives_backchannel=True)
    assert asking.conduct == Conduct(thinks_ahead=False, gives_backchannel=True)
    assert asking.conduct.interruption_sensitivity == 0.8
    call = await world.calls.get(mine, plan.call_id)
    assert call.snapshot["conduct"]["thinks_ahead"] is False


async def test_an_agent_behaves_in_a_call_as_its_owner_said(world: World, mine: str) -> None:
    row = await world.agent(mine)
    await world.number(mine, row.id)
    told = {
        "interruptionSensitivity": 0.25,
        "protectGreeting": True,
        "backchannels": ["genau"],
        "enableBackchannel": False,
        "fillers": [],
        "preemptiveReplies": False,
        "endOfTurn": {"minPauseMs": 250, "maxPauseMs": 1500},
        "monologueSeconds": 60,
        "silenceCheckInSeconds": 40,
        "dtmf": {"terminator": "", "count": 4, "pauseMs": 2500, "hidden": True},
    }
    await world.agents.update(mine, row.id, parse(AgentUpdate, told))

    call = await world.calls.create(mine, CallCreate(agent_id=row.id, to_number="4155559999"))

    assert world.switchboard.held[call.id].agent.silence_check_in_s == 40
    assert world.switchboard.held[call.id].agent.conduct == Conduct(
        interruption_sensitivity=0.25,
        protects_greeting=True,
        backchannels=("genau",),
        gives_backchannel=False,
        fillers=(),
        thinks_ahead=False,
        least_pause_s=0.25,
        longest_pause_s=1.5,
        monologue_s=60.0,
        keys=KeyEntry("", 4, 2.5, True),
    )


async def test_a_call_that_began_before_agents_could_be_told_goes_on_as_it_was(world: World, mine: str) -> None:
    row = await world.agent(mine, interruption_sensitivity=0.1)
    await world.number(mine, row.id)
    call = await world.calls.create(mine, CallCreate(agent_id=row.id, to_number="4155559999"))
    new = {"conduct", "spare_listens", "spare_voices", "spare_models"}
    call.snapshot = {name: value for name, value in call.snapshot.items() if name not in new}

    plan = await world.plans.for_call(call)

    assert plan.agent.conduct == Conduct() == AgentSnapshot("", "").conduct
    assert not plan.agent.conduct.thinks_ahead
    assert plan.agent.spare_voices == ()


async def test_spare_parts_come_in_line_and_take_after_the_first(world: World, mine: str) -> None:
    agent = {
        "language": "de-DE",
        "voice": "11labs-Alice",
        "speech_to_text": {"language": "de-AT", "fallbacks": [{"provider": "hears"}, {"model": "sharp"}]},
        "text_to_speech": {
            "speed": 1.5,
            "fallbacks": [
                {"provider": "openai"},
                {"voice": "alloy"},
                {"provider": "elevenlabs", "model": "quick"},
                {},
            ],
        },
        "language_model": {"temperature": 0.1, "fallbacks": [{"provider": "ponders"}, {"model": "large"}]},
    }

    told = (await placed(world, mine, agent)).agent

    assert told.spare_listens == (ListenChoice("hears", "", "de-AT"), ListenChoice("deepgram", "sharp", "de-AT"))
    assert told.spare_voices == (
        VoiceChoice("openai", "", "nova", "de-DE", 1.5),
        VoiceChoice("openai", "", "alloy", "de-DE", 1.5),
        VoiceChoice("elevenlabs", "quick", "Xb7hH8MSUJpSbSDYk0k2", "de-DE", 1.5),
        VoiceChoice("speaks", "", "house-voice", "de-DE", 1.5),
    )
    assert told.spare_models == (ModelChoice("ponders", "", 0.1), ModelChoice("thinks", "large", 0.1))


async def test_a_call_may_bring_its_own_line_and_keeps_the_agents_otherwise(world: World, mine: str) -> None:
    agent = {"language_model": {"model": "large", "fallbacks": [{"provider": "ponders"}]}}

    kept = await placed(world, mine, agent, language_model={"provider": "other"})
    own = await placed(world, mine, agent, language_model={"fallbacks": []})

    assert [each.provider for each in kept.agent.spare_models] == ["ponders"]
    assert own.agent.spare_models == ()
    assert own.agent.model.model == "large"


async def test_the_house_speaks_without_anybodys_spare_parts(world: World, mine: str) -> None:
    plan = await placed(world, mine, {"text_to_speech": {"fallbacks": [{"provider": "openai"}]}})

    assert plan.agent.spare_voices != ()
    assert world.plans.in_house_voice(plan.agent).spare_voices == ()


async def test_a_webhook_is_asked_ahead_only_where_it_wants_to_be(world: World, mine: str) -> None:
    hosted = await placed(world, mine, {})
    assert hosted.agent.conduct.thinks_ahead  # a chat model is, unless its agent says otherwise
    agent = await world.agent(mine, voice_mode="webhook", system_prompt=None)
    await world.number(mine, agent.id)
    dial = CallCreate(agent_id=agent.id, to_number="4155559999")
    asked_ahead = []
    for hook in (WebhookPut(url="https://a.example"), WebhookPut(url="https://a.example", speculative=True)):
        opened = await world.webhooks.put(mine, None, hook)
        assert WebhookOut.of(*opened).speculative is hook.speculative
        plan = world.switchboard.held[(await world.calls.create(mine, dial)).id]
        assert (plan.webhook is not None and plan.webhook.speculative) is plan.agent.conduct.thinks_ahead
        asked_ahead.append(plan.agent.conduct.thinks_ahead)
    assert asked_ahead == [False, True]
