"""What providers say to a key, against their emulators and a server that says anything."""

from __future__ import annotations

import httpx
import pytest

from parley.domain.carriers import CarrierAccount, NumberHooks, NumberSetup
from parley.domain.secrets import Secret
from parley.providers import key_checks
from parley.providers.carriers.twilio import Twilio
from tests.emulators.deepgram import KEY, DeepgramEmulator
from tests.emulators.elevenlabs import ElevenLabsEmulator
from tests.emulators.http_server import Answer, HttpServer, Request
from tests.emulators.openai import OpenAIEmulator
from tests.emulators.twilio import TwilioEmulator


async def test_deepgram_knows_its_keys() -> None:
    async with DeepgramEmulator() as vendor, httpx.AsyncClient(trust_env=False) as http:
        check = key_checks.deepgram(http, vendor.url)
        assert await check.check(Secret(KEY)) == "ok"
        assert await check.check(Secret("another")) == "unauthorized"
        assert await check.check(Secret("")) == "unauthorized"
        vendor.behaviour.refuse_status = 503
        assert await check.check(Secret(KEY)) == "failing"
    async with httpx.AsyncClient(trust_env=False) as http:
        assert await key_checks.deepgram(http, vendor.url).check(Secret(KEY)) == "unreachable"


async def test_elevenlabs_knows_a_key_that_may_only_speak() -> None:
    async with ElevenLabsEmulator() as vendor, httpx.AsyncClient(trust_env=False) as http:
        check = key_checks.elevenlabs(http, vendor.url)
        assert await check.check(Secret("k")) == "ok"
        vendor.behaviour.http_status = 401
        vendor.behaviour.refuse_body = '{"detail": {"status": "missing_permissions", "message": "voices_read"}}'
        assert await check.check(Secret("k")) == "limited"
        vendor.behaviour.refuse_body = '{"detail": {"status": "invalid_api_key", "message": "No."}}'
        assert await check.check(Secret("k")) == "unauthorized"


async def test_a_chat_model_knows_its_keys() -> None:
    async with OpenAIEmulator(lambda messages: "Yes.") as vendor, httpx.AsyncClient(trust_env=False) as http:
        vendor.keys = frozenset({"right"})
        check = key_checks.openai(http, vendor.url)
        assert await check.check(Secret("right")) == "ok"
        assert await check.check(Secret("wrong")) == "unauthorized"


@pytest.mark.parametrize(
    ("status", "state"),
    [(200, "ok"), (402, "no_credit"), (403, "limited"), (404, "not_there"), (429, "rate_limited"), (500, "failing")],
)
async def test_each_answer_has_its_word(status: int, state: str) -> None:
    async def says(request: Request) -> Answer:
        return Answer((b"{}",), status=status)

    async with HttpServer(says) as server, httpx.AsyncClient(trust_env=False) as http:
        assert await key_checks.openai(http, server.url).check(Secret("k")) == state


async def test_a_vendor_is_not_asked_without_a_key_and_a_stand_in_is() -> None:
    asked: list[str] = []

    async def notes(request: Request) -> Answer:
        asked.append(request.path)
        return Answer((b"{}",))

    async with HttpServer(notes) as server, httpx.AsyncClient(trust_env=False) as http:
        assert await key_checks.openai(http, server.url, needs_key=True).check(Secret("")) == "unauthorized"
        assert await key_checks.openai(http, server.url).check(Secret("")) == "ok"
    assert asked == ["/models"]


async def test_a_carrier_knows_its_accounts_and_says_where_calls_go() -> None:
    hooks = NumberHooks("https://p.example/voice", "https://p.example/status", "https://p.example/message")
    async with TwilioEmulator() as vendor, httpx.AsyncClient(trust_env=False) as http:
        twilio = Twilio(http, vendor.url)
        account = CarrierAccount(vendor.account_sid, Secret(vendor.auth_token))
        assert await twilio.check(account) == "ok"
        assert await twilio.check(CarrierAccount(vendor.account_sid, Secret("wrong"))) == "unauthorized"
        assert await twilio.check(CarrierAccount("a b", Secret("wrong"))) == "unauthorized"
        vendor.account_status = "suspended"
        assert await twilio.check(account) == "suspended"

        await twilio.buy(account, "+14155550100", hooks)
        setup = NumberSetup(hooks.voice_url, hooks.status_url, hooks.message_url)
        assert await twilio.inspect(account, "+14155550100") == setup
        number = vendor.stock.find("+14155550100")
        assert number is not None
        number.update({"TrunkSid": "TK" + "0" * 32, "SmsApplicationSid": "AP" + "0" * 32})
        assert await twilio.inspect(account, "+14155550100") == NumberSetup(
            hooks.voice_url, hooks.status_url, "", "a trunk"
        )
        assert await twilio.inspect(account, "+14155550199") is None

        vendor.rest.fail(503)
        assert await twilio.check(account) == "unreachable"
