"""How an agent behaves, over HTTP: what is set is read back, what was never set is shown with its default."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Api
from tests.api.test_nouns import Json, made, ok

DEFAULTS: Json = {
    "interruptionSensitivity": 0.8,
    "protectGreeting": False,
    "backchannels": None,
    "enableBackchannel": True,
    "fillers": None,
    "preemptiveReplies": True,
    "endOfTurn": {"minPauseMs": 0, "maxPauseMs": 3000},
    "monologueSeconds": 180,
    "silenceCheckInSeconds": 15,
    "dtmf": {"terminator": "#", "count": 0, "pauseMs": 1500, "hidden": False},
}
SET: Json = {
    "interruptionSensitivity": 0,
    "protectGreeting": True,
    "backchannels": ["genau", "mhm"],
    "enableBackchannel": False,
    "fillers": [],
    "preemptiveReplies": False,
    "endOfTurn": {"minPauseMs": 400, "maxPauseMs": 1200},
    "monologueSeconds": 0,
    "silenceCheckInSeconds": 30,
    "dtmf": {"terminator": "*", "count": 4, "pauseMs": 2500, "hidden": True},
}


def conduct(agent: Json) -> Json:
    return {name: agent[name] for name in DEFAULTS}


async def test_an_agent_behaves_as_it_is_told_and_as_every_agent_otherwise(api: Api) -> None:
    plain = await made(api, "/v1/agents", name="Support")
    told = await made(api, "/v1/agents", name="Support", **SET)
    path = f"/v1/agents/{told['id']}"

    assert conduct(plain) == DEFAULTS
    assert conduct(told) == conduct(ok(await api.client.get(path))) == SET
    assert conduct(ok(await api.client.patch(path, json={"name": "Desk"}))) == SET


async def test_null_brings_back_the_default_of_one_setting(api: Api) -> None:
    path = f"/v1/agents/{(await made(api, '/v1/agents', name='Support', **SET))['id']}"

    for name, default in DEFAULTS.items():
        assert ok(await api.client.patch(path, json={name: None}))[name] == default
    assert conduct(ok(await api.client.get(path))) == DEFAULTS


async def test_what_is_left_out_of_a_group_is_its_default(api: Api) -> None:
    path = f"/v1/agents/{(await made(api, '/v1/agents', name='Support', **SET))['id']}"

    changed = ok(await api.client.patch(path, json={"dtmf": {"count": 6}, "end_of_turn": {"max_pause_ms": 900}}))

    assert changed["dtmf"] == {"terminator": "#", "count": 6, "pauseMs": 1500, "hidden": False}
    assert changed["endOfTurn"] == {"minPauseMs": 0, "maxPauseMs": 900}
    assert changed["fillers"] == []


@pytest.mark.parametrize(
    ("wrong", "field", "why"),
    [
        ({"interruptionSensitivity": 1.1}, "interruptionSensitivity", "between 0.0 and 1.0"),
        ({"interruptionSensitivity": True}, "interruptionSensitivity", "number"),
        ({"enableBackchannel": "yes"}, "enableBackchannel", "boolean"),
        ({"backchannels": ["mm"] * 101}, "backchannels", "100"),
        ({"backchannels": ["mm", " "]}, "backchannels.1", "blank"),
        ({"fillers": ["Let me look."] * 21}, "fillers", "at most 20 items, not 21"),
        ({"fillers": ["a" * 201]}, "fillers.0", "200"),
        ({"silenceCheckInSeconds": 2}, "silenceCheckInSeconds", "between 3 and 600"),
        ({"monologue_seconds": 3601}, "monologue_seconds", "between 0 and 3600"),
        ({"endOfTurn": {"minPauseMs": 2000, "maxPauseMs": 1000}}, "endOfTurn.minPauseMs", "which is 1000"),
        ({"end_of_turn": {"min_pause_ms": 3000, "max_pause_ms": 2999}}, "end_of_turn.min_pause_ms", "2999"),
        ({"endOfTurn": {"maxPauseMs": 299}}, "endOfTurn.maxPauseMs", "between 300 and 10000"),
        ({"dtmf": {"terminator": "##"}}, "dtmf.terminator", "1 character"),
        ({"dtmf": {"terminator": "A"}}, "dtmf.terminator", "one key, or empty"),
        ({"dtmf": {"count": 33}}, "dtmf.count", "between 0 and 32"),
        ({"dtmf": {"hidden": None}}, "dtmf.hidden", "boolean"),
        ({"speechToText": {"fallbacks": [{}] * 5}}, "speechToText.fallbacks", "4"),
        ({"textToSpeech": {"fallbacks": [{"speed": 9}]}}, "textToSpeech.fallbacks.0.speed", "between 0.5 and 2"),
        ({"languageModel": {"fallbacks": [{"provider": "a b"}]}}, "languageModel.fallbacks.0.provider", "name"),
    ],
)
async def test_what_no_agent_can_do_is_refused_at_its_field(
    shared_api: Api, wrong: dict[str, Any], field: str, why: str
) -> None:
    path = f"/v1/agents/{(await made(shared_api, '/v1/agents', name='Support'))['id']}"
    created = await shared_api.client.post("/v1/agents", json={"name": "Support", **wrong})
    patched = await shared_api.client.patch(path, json=wrong)

    for refused in (ok(created, 400), ok(patched, 400)):
        assert [error["field"] for error in refused["errors"]] == [field]
        assert why in refused["detail"]
    assert conduct(ok(await shared_api.client.get(path))) == DEFAULTS


async def test_who_takes_over_is_told_for_each_part(api: Api) -> None:
    line: Json = {
        "speechToText": {"provider": "deepgram", "fallbacks": [{"provider": "other"}]},
        "textToSpeech": {"fallbacks": [{"provider": "openai", "voice": "nova"}, {"provider": "espeak"}]},
        "languageModel": {"fallbacks": [{"model": "small"}]},
    }
    path = f"/v1/agents/{(await made(api, '/v1/agents', name='Support', **line))['id']}"

    shown = ok(await api.client.get(path))

    assert [each["provider"] for each in shown["textToSpeech"]["fallbacks"]] == ["openai", "espeak"]
    assert shown["textToSpeech"]["fallbacks"][0]["voice"] == "nova"
    assert shown["languageModel"]["fallbacks"][0]["model"] == "small"
    assert ok(await api.client.patch(path, json={"speechToText": None}))["speechToText"] is None
