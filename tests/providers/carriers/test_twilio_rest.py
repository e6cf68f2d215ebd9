"""Twilio's REST interface through the vendor's own SDK, against the carrier double."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from parley.domain.carriers import CallHooks, CarrierAccount, NumberHooks
from parley.domain.errors import CarrierRefused, ProviderUnavailable
from parley.domain.secrets import Secret
from parley.providers.carriers.twilio import Twilio
from parley.providers.protocols import NOT_OWNED, Carrier
from parley.simulation import SimulatedCarrier
from parley.simulation.rest import Form

HOOKS = NumberHooks("https://phone.example/voice", "https://phone.example/status", "https://phone.example/message")
CALL_HOOKS = CallHooks("http://127.0.0.1:1/answer", "http://127.0.0.1:1/status")
NUMBER = "+14155550100"


@pytest.fixture
async def double() -> AsyncIterator[SimulatedCarrier]:
    async with SimulatedCarrier() as carrier:
        yield carrier


@pytest.fixture
async def twilio(double: SimulatedCarrier) -> AsyncIterator[Carrier]:
    async with httpx.AsyncClient(trust_env=False) as http:
        yield Twilio(http, double.url)


@pytest.fixture
def account(double: SimulatedCarrier) -> CarrierAccount:
    return CarrierAccount(double.account_sid, Secret(double.auth_token))


async def test_search(twilio: Carrier, account: CarrierAccount, double: SimulatedCarrier) -> None:
    found = await twilio.search(account, "us", area_code="212", contains="0107", limit=3)
    assert [(each.phone_number, each.country) for each in found] == [("+12125550107", "US")]
    method, path, form = double.requests[-1]
    assert (method, path.rsplit("/", 2)[1:]) == ("GET", ["US", "Local.json"])
    assert (form["AreaCode"], form["Contains"], form["PageSize"]) == ("212", "0107", "3")
    assert len(await twilio.search(account, "GB", limit=5)) == 5


async def test_buying_sets_the_urls_in_the_same_request(
    twilio: Carrier, account: CarrierAccount, double: SimulatedCarrier
) -> None:
    bought = await twilio.buy(account, NUMBER, HOOKS)
    assert bought.phone_number == NUMBER
    assert [method for method, _, _ in double.requests] == ["POST"]
    assert double.stock.owned[bought.carrier_id].hooks == {
        "VoiceUrl": HOOKS.voice_url,
        "VoiceMethod": "POST",
        "StatusCallback": HOOKS.status_url,
        "StatusCallbackMethod": "POST",
        "SmsUrl": HOOKS.message_url,
        "SmsMethod": "POST",
    }


async def test_adopting_finds_the_number_and_points_it_here(
    twilio: Carrier, account: CarrierAccount, double: SimulatedCarrier
) -> None:
    owned = double.stock.take(NUMBER)
    assert owned is not None
    owned.hooks |= {"VoiceApplicationSid": "AP1", "SmsApplicationSid": "AP2"}
    double.stock.take(NUMBER + "1")
    adopted = await twilio.adopt(account, NUMBER, HOOKS)
    assert (adopted.carrier_id, adopted.phone_number) == (owned.sid, NUMBER)
    assert (owned.hooks["VoiceUrl"], owned.hooks["VoiceApplicationSid"]) == (HOOKS.voice_url, "")
    assert (owned.hooks["SmsUrl"], owned.hooks["SmsApplicationSid"]) == (HOOKS.message_url, "")


async def test_adopting_a_strangers_number_is_refused(twilio: Carrier, account: CarrierAccount) -> None:
    with pytest.raises(CarrierRefused, match="does not own") as refused:
        await twilio.adopt(account, NUMBER, HOOKS)
    assert refused.value.reason == NOT_OWNED


async def test_releasing_twice_is_no_error(twilio: Carrier, account: CarrierAccount, double: SimulatedCarrier) -> None:
    bought = await twilio.buy(account, NUMBER, HOOKS)
    await twilio.release(account, bought.carrier_id)
    assert double.stock.owned == {}
    await twilio.release(account, bought.carrier_id)


async def test_dialling_asks_for_every_status(
    twilio: Carrier, account: CarrierAccount, double: SimulatedCarrier
) -> None:
    double.stock.take(NUMBER)
    sid = await twilio.dial(account, NUMBER, "+15550100001", CALL_HOOKS)
    identity = double.calls[sid].messenger.identity
    assert identity.status_events == ("initiated", "ringing", "answered", "completed")
    assert (identity.status_url, double.requests[-1][2]["Url"]) == (CALL_HOOKS.status_url, CALL_HOOKS.answer_url)


async def test_ending_a_call_that_is_over_or_unknown_is_no_error(
    twilio: Carrier, account: CarrierAccount, double: SimulatedCarrier
) -> None:
    double.stock.take(NUMBER)
    sid = await twilio.dial(account, NUMBER, "+15550100001", CALL_HOOKS)
    await asyncio.wait_for(double.calls[sid].is_settled.wait(), 60)
    await twilio.end(account, sid)
    await twilio.end(account, "CA" + "f" * 32)


async def test_refusals_quote_the_carrier_without_the_number(
    twilio: Carrier, account: CarrierAccount, double: SimulatedCarrier
) -> None:
    double.stock.take(NUMBER)
    with pytest.raises(CarrierRefused) as refusal:
        await twilio.dial(account, NUMBER, "+0", CALL_HOOKS)
    assert "is not a valid phone number" in refusal.value.message
    with pytest.raises(CarrierRefused) as refusal:
        await twilio.buy(account, NUMBER, HOOKS)
    assert "[number] is not available" in refusal.value.message
    assert "error 21422" in refusal.value.message
    assert not refusal.value.retryable


async def test_a_wrong_token_is_refused_and_not_shown(twilio: Carrier, double: SimulatedCarrier) -> None:
    with pytest.raises(CarrierRefused) as refusal:
        await twilio.buy(CarrierAccount(double.account_sid, Secret("hunter2")), NUMBER, HOOKS)
    assert "Authenticate" in refusal.value.message
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize(
    "account", [CarrierAccount("", Secret("x")), CarrierAccount("AC1", Secret("")), CarrierAccount("../x", Secret("x"))]
)
async def test_a_malformed_account_never_reaches_the_carrier(
    twilio: Carrier, double: SimulatedCarrier, account: CarrierAccount
) -> None:
    with pytest.raises(CarrierRefused):
        await twilio.end(account, "CA1")
    assert double.requests == []


@pytest.mark.parametrize(
    ("answer", "retryable"),
    [
        (JSONResponse({"code": 20429, "message": "Too Many Requests", "status": 429}, 429), True),
        (PlainTextResponse("upstream broke", 503), True),
        (PlainTextResponse("<html>", 200), False),
        (JSONResponse(["not", "a", "call"], 201), False),
        (JSONResponse({"sid": None}, 201), False),
        (JSONResponse({}, 201), False),
    ],
)
async def test_broken_answers_are_unavailability(
    twilio: Carrier, account: CarrierAccount, double: SimulatedCarrier, answer: Response, retryable: bool
) -> None:
    async def broken(_request: Request, _form: Form) -> Response:
        return answer

    double.intercept = broken
    with pytest.raises(ProviderUnavailable) as failure:
        await twilio.dial(account, NUMBER, "+15550100001", CALL_HOOKS)
    assert failure.value.retryable is retryable


async def test_problem_details_are_quoted_too(
    twilio: Carrier, account: CarrierAccount, double: SimulatedCarrier
) -> None:
    async def declines(_request: Request, _form: Form) -> Response:
        return JSONResponse({"type": "x", "title": "Geo", "status": 403, "code": 13227, "detail": "No permission"}, 403)

    double.intercept = declines
    with pytest.raises(CarrierRefused, match=r'"No permission" \(HTTP 403, error 13227\)'):
        await twilio.dial(account, NUMBER, "+15550100001", CALL_HOOKS)


async def test_an_unreachable_carrier_may_be_tried_again(account: CarrierAccount) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        twilio = Twilio(http, "http://127.0.0.1:9")
        with pytest.raises(ProviderUnavailable) as failure:
            await twilio.dial(account, NUMBER, "+15550100001", CALL_HOOKS)
        assert failure.value.retryable


async def test_a_dialling_that_may_have_happened_is_not_repeated(account: CarrierAccount) -> None:
    def hang(_request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow")

    async with httpx.AsyncClient(transport=httpx.MockTransport(hang)) as http:
        twilio = Twilio(http)
        with pytest.raises(ProviderUnavailable) as failure:
            await twilio.dial(account, NUMBER, "+15550100001", CALL_HOOKS)
        assert not failure.value.retryable
        with pytest.raises(ProviderUnavailable) as failure:
            await twilio.search(account, "US")
        assert failure.value.retryable


async def test_without_a_base_url_requests_go_to_the_vendor(account: CarrierAccount) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(201, json={"sid": "CA1"})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        assert await Twilio(http).dial(account, NUMBER, "+15550100001", CALL_HOOKS) == "CA1"
        assert await Twilio(http, "http://proxy:81/t/").dial(account, NUMBER, "+15550100001", CALL_HOOKS) == "CA1"
    path = f"/2010-04-01/Accounts/{account.account_id}/Calls.json"
    assert asked == [f"https://api.twilio.com{path}", f"http://proxy:81/t{path}"]
