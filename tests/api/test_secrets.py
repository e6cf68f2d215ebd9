"""Secrets go in and never come out: not in an answer of any dialect, not in a refusal, not in a log line."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.conftest import KEY, Api, project_of
from tests.api.rows import EVERY, fill

Json = dict[str, Any]
OURS = "+14155550123"

SECRETS = {
    "carrier key": "carrier-key-kept-to-ourselves-1",
    "account token": "account-token-kept-to-ourselves-2",
    "trunk password": "trunk-password-kept-to-ourselves-3",
    "registration password": "registration-password-kept-to-ourselves-4",
    "number's password": "numbers-password-kept-to-ourselves-5",
    "subscriber's secret": "subscribers-secret-kept-to-ourselves-6",
    "pin": "pin-kept-to-ourselves-7",
}


def assert_silent(answer: httpx.Response) -> None:
    found = [kind for kind, secret in SECRETS.items() if secret in answer.text]
    assert found == [], f"{answer.request.method} {answer.request.url.path} shows {found}"


async def accepted(api: Api, method: str, path: str, **body: Any) -> Json:
    answer = await api.client.request(method, path, json=body)
    assert answer.status_code in {200, 201}, answer.text
    assert_silent(answer)
    shown: Json = answer.json()
    return shown


async def everything_secret(api: Api) -> dict[str, str]:
    """Each kind of secret put in by the way its API prints, and the ids of what holds it."""
    agent = (await accepted(api, "POST", "/v1/agents", name="Desk"))["id"]
    key, token = SECRETS["carrier key"], SECRETS["account token"]
    await accepted(api, "POST", "/v1/credentials", name="Native", provider="deepgram", apiKey=key)
    credential = await accepted(
        api, "POST", "/v1/credentials", name="Mine", provider="twilio", api_key=token, account_sid="AC" + "1" * 32
    )
    trunk_config = {
        "trunk_address": "sip.example.com",
        "auth_username": "me",
        "auth_password": SECRETS["trunk password"],
        "pin": SECRETS["pin"],
    }
    registered = {"phone_number": "+14155550171", "provider": "tenyx", "provider_config": trunk_config}
    await accepted(api, "POST", "/v1/phone-numbers", agent_id=agent, **registered)
    sip = {"sip_domain": "sip.example.com", "username": "me", "password": SECRETS["number's password"]}
    number = await accepted(
        api, "POST", "/v1/voiceai/phone-numbers", phone_number="+14155550172", provider="tenyx", sip_config=sip
    )
    login = {"auth_username": "me", "auth_password": SECRETS["registration password"]}
    trunk = await accepted(api, "POST", "/v1/voiceai/sip-trunks", name="Main", sip_domain="sip.example.com", **login)
    target = {"url": "https://example.com/hook", "events": ["call_started"], "secret": SECRETS["subscriber's secret"]}
    subscription = await accepted(api, "POST", "/v1/voiceai/webhooks", **target)
    return {
        "credential_id": credential["id"],
        "phone_number_id": number["id"],
        "number_id": number["id"],
        "trunk_id": trunk["id"],
        "webhook_id": subscription["id"],
    }


async def test_no_answer_of_any_dialect_shows_a_secret(api: Api) -> None:
    belongings = await fill(api.client, api.house, await project_of(api, KEY), OURS)
    holders = await everything_secret(api)
    for mounted in EVERY:
        if mounted.operation.method == "GET" and mounted.operation.produces != "text/event-stream":
            answer = await api.client.get(mounted.path.format(**belongings.of(mounted) | holders))
            assert answer.status_code != 500, (mounted.path, answer.text)  # a 502 quotes the carrier
            assert_silent(answer)
    for path, change in (
        (f"/v1/voiceai/phone-numbers/{holders['phone_number_id']}", {"friendly_name": "Desk"}),
        (f"/v1/voiceai/sip-trunks/{holders['trunk_id']}", {"name": "Other"}),
        (f"/v1/voiceai/webhooks/{holders['webhook_id']}", {"active": False}),
    ):
        await accepted(api, "PUT", path, **change)


async def test_of_a_key_the_last_four_characters_are_shown(api: Api) -> None:
    credential = await accepted(
        api, "POST", "/v1/credentials", name="Mine", provider="deepgram", api_key=SECRETS["carrier key"]
    )
    assert credential["masked_key"] == "…es-1"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/credentials", {"name": "", "provider": "twilio", "api_key": SECRETS["carrier key"]}),
        ("/v1/credentials", {"name": "x", "provider": "twilio", "api_key": SECRETS["carrier key"] * 200}),
        ("/v1/credentials", {"name": "x", "provider": "twilio", "api_key": [SECRETS["carrier key"]]}),
        (
            "/v1/voiceai/phone-numbers",
            {
                "phone_number": OURS,
                "provider": "twilio",
                "provider_config": {"account_sid": "not one", "auth_token": SECRETS["account token"]},
            },
        ),
        (
            "/v1/voiceai/sip-trunks",
            {"name": "x", "sip_domain": "-", "auth_username": "me", "auth_password": SECRETS["trunk password"] * 50},
        ),
        (
            "/v1/voiceai/webhooks",
            {"url": "https://example.com", "events": ["no_such"], "secret": SECRETS["subscriber's secret"]},
        ),
    ],
)
async def test_no_refusal_and_no_log_line_quotes_a_secret(
    shared_api: Api, path: str, body: Json, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = await shared_api.client.post(path, json=body)
    assert 400 <= refused.status_code < 503, refused.text
    assert_silent(refused)
    logged = "".join(capsys.readouterr())
    assert not any(secret in logged for secret in SECRETS.values())


async def test_the_secret_of_a_calls_own_url_is_shown_to_the_project(api: Api) -> None:
    shown = (await api.client.get("/v1/project")).json()["webhookSecret"]
    assert shown.startswith("whsec_")
    assert shown != (await api.stranger.get("/v1/project")).json()["webhookSecret"]


async def test_a_webhooks_signing_secret_is_shown_to_its_owner(api: Api) -> None:
    made = await accepted(api, "POST", "/v1/webhooks", url="https://example.com/hook")
    assert made["secret"].startswith("whsec_")
    assert len(made["secret"]) > len("whsec_") + 20
    assert (await api.client.get("/v1/webhooks")).json()["secret"] == made["secret"]
