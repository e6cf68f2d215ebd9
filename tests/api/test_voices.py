"""The voices list, as clients of either spelling read it."""

from __future__ import annotations

from typing import Any

from tests.api.conftest import Api

PRINTED = [
    {"voiceId": "11labs-Brian", "name": "Brian", "provider": "elevenlabs", "gender": "male"},
    {"voiceId": "alloy", "name": "Alloy", "provider": "openai", "gender": "neutral"},
    {"voiceId": "nova", "name": "Nova", "provider": "openai", "gender": "female"},
]


async def test_the_printed_voices_are_listed_in_both_spellings(shared_api: Api) -> None:
    answer = await shared_api.client.get("/v1/agents/voices")

    body: dict[str, Any] = answer.json()
    assert (answer.status_code, list(body)) == (200, ["data"])
    by_id = {row["voiceId"]: row for row in body["data"]}
    for printed in PRINTED:
        row = by_id[printed["voiceId"]]
        assert row.items() >= printed.items()
        assert (row["voice_id"], row["voice_name"]) == (row["voiceId"], row["name"])
        assert row["previewAudioUrl"] == row["preview_audio_url"]


async def test_every_listed_voice_can_be_an_agents(shared_api: Api) -> None:
    listed = (await shared_api.client.get("/v1/agents/voices")).json()["data"]
    voice = listed[-1]["voiceId"]
    agent = (await shared_api.client.post("/v1/agents", json={"name": "Ann", "voice": voice})).json()
    assert agent["voice"] == voice


async def test_an_agent_without_a_voice_shows_one_that_is_listed(shared_api: Api) -> None:
    listed = (await shared_api.client.get("/v1/agents/voices")).json()["data"]
    agent = (await shared_api.client.post("/v1/agents", json={"name": "Ann"})).json()
    assert agent["voice"] in {row["voiceId"] for row in listed}
