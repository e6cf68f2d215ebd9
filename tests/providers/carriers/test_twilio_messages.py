"""Texts over Twilio's REST interface against the carrier double, and the forms Twilio posts about them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.domain.carriers import CarrierAccount
from parley.domain.errors import BadInput, CarrierRefused, ProviderUnavailable
from parley.domain.secrets import Secret
from parley.providers.carriers.twilio import Twilio, messages
from parley.providers.protocols import OPTED_OUT, Carrier, MessageReport
from parley.simulation import SimulatedCarrier

OURS, THEIRS = "+14155550100", "+15550100001"
STATUS_URL = "http://127.0.0.1:1/status"
FORM = {
    "AccountSid": "AC1",
    "MessageSid": "SM1234",
    "SmsSid": "SM1234",
    "From": THEIRS,
    "To": OURS,
    "Body": "Are you open?",
    "NumMedia": "0",
    "SmsStatus": "received",
}


@pytest.fixture
async def double() -> AsyncIterator[SimulatedCarrier]:
    async with SimulatedCarrier() as carrier:
        carrier.stock.take(OURS)
        yield carrier


@pytest.fixture
async def twilio(double: SimulatedCarrier) -> AsyncIterator[Carrier]:
    async with httpx.AsyncClient(trust_env=False) as http:
        yield Twilio(http, double.url)


@pytest.fixture
def account(double: SimulatedCarrier) -> CarrierAccount:
    return CarrierAccount(double.account_sid, Secret(double.auth_token))


def form(**fields: str) -> bytes:
    return urlencode(FORM | fields).encode()


async def test_a_text_goes_out_with_its_media_and_status_url(
    twilio: Carrier, account: CarrierAccount, double: SimulatedCarrier
) -> None:
    media = ["https://media.example/a.png", "https://media.example/b.png"]
    phone = double.phone(THEIRS)
    sid = await twilio.send_message(account, OURS, THEIRS, "Hello & welcome", media, STATUS_URL)
    [text] = await phone.inbox.wait_for(1)
    assert (text.sid, text.from_number, text.body) == (sid, OURS, "Hello & welcome")
    assert (text.media_urls, text.status_url) == (tuple(media), STATUS_URL)


async def test_media_alone_is_a_message(twilio: Carrier, account: CarrierAccount, double: SimulatedCarrier) -> None:
    await twilio.send_message(account, OURS, THEIRS, "", ["https://media.example/a.png"], STATUS_URL)
    assert "Body" not in double.requests[-1][2]


async def test_a_refusal_quotes_the_carrier_without_the_number(twilio: Carrier, account: CarrierAccount) -> None:
    with pytest.raises(CarrierRefused) as refusal:
        await twilio.send_message(account, "+14155550177", THEIRS, "Hello", [], STATUS_URL)
    assert "error 21606" in refusal.value.message
    assert "+1415" not in refusal.value.message
    assert refusal.value.reason != OPTED_OUT


async def test_somebody_who_said_stop_is_told_apart(
    twilio: Carrier, account: CarrierAccount, double: SimulatedCarrier
) -> None:
    owned = double.stock.find(OURS)
    assert owned is not None
    owned.hooks["SmsUrl"] = "http://127.0.0.1:1/message"
    await double.phone(THEIRS).text(OURS, "Stop")
    with pytest.raises(CarrierRefused) as refusal:
        await twilio.send_message(account, OURS, THEIRS, "Hello", [], STATUS_URL)
    assert refusal.value.reason == OPTED_OUT
    await double.phone(THEIRS).text(OURS, "Start")
    await twilio.send_message(account, OURS, THEIRS, "Hello", [], STATUS_URL)


async def test_a_text_that_may_have_gone_out_is_not_sent_again(account: CarrierAccount) -> None:
    def hang(_request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow")

    async with httpx.AsyncClient(transport=httpx.MockTransport(hang)) as http:
        with pytest.raises(ProviderUnavailable) as failure:
            await Twilio(http).send_message(account, OURS, THEIRS, "Hello", [], STATUS_URL)
    assert not failure.value.retryable


async def test_a_text_that_came_in(twilio: Carrier) -> None:
    message = twilio.read_message(form())
    assert (message.carrier_message_id, message.from_number, message.to_number) == ("SM1234", THEIRS, OURS)
    assert (message.body, message.media_urls, message.opt_out) == ("Are you open?", (), None)


async def test_media_that_came_in(twilio: Carrier) -> None:
    urls = {f"MediaUrl{index}": f"https://api.twilio.com/media/{index}" for index in range(12)}
    message = twilio.read_message(form(Body="", NumMedia="2", **urls))
    assert message.media_urls == ("https://api.twilio.com/media/0", "https://api.twilio.com/media/1")
    assert len(twilio.read_message(form(NumMedia="12", **urls)).media_urls) == 10
    odd = {"MediaUrl0": "javascript:alert(1)", "MediaUrl1": "https://a.example/" + "x" * 3000}
    assert twilio.read_message(form(NumMedia="3", **odd)).media_urls == ()


@pytest.mark.parametrize("count", ["", "many", "-1", "٣", "9" * 40])
async def test_a_senseless_count_is_no_media(twilio: Carrier, count: str) -> None:
    assert twilio.read_message(form(NumMedia=count, MediaUrl0="https://a.example/0")).media_urls == ()


@pytest.mark.parametrize(("told", "read"), [("STOP", "stop"), ("START", "start"), ("HELP", "help"), ("NEW", None)])
async def test_the_carriers_own_word_for_an_opt_out(twilio: Carrier, told: str, read: str | None) -> None:
    assert twilio.read_message(form(Body="Basta", OptOutType=told)).opt_out == read


async def test_what_the_database_cannot_hold_is_left_out(twilio: Carrier) -> None:
    message = twilio.read_message(form(Body="a\0b", From="+1555\x000100001"))
    assert (message.body, message.from_number) == ("ab", THEIRS)


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ("accepted", "queued"),
        ("queued", "queued"),
        ("sending", "sending"),
        ("sent", "sent"),
        ("delivered", "delivered"),
        ("read", "delivered"),
        ("undelivered", "undelivered"),
        ("failed", "failed"),
        ("canceled", "failed"),
    ],
)
async def test_every_status_twilio_knows(twilio: Carrier, told: str, status: Any) -> None:
    assert twilio.read_message_report(form(MessageStatus=told)) == MessageReport("SM1234", status)
    old = urlencode({"SmsSid": "SM1234", "SmsStatus": told}).encode()
    assert twilio.read_message_report(old) == MessageReport("SM1234", status)


async def test_an_error_code_says_where_to_read_about_it(twilio: Carrier) -> None:
    report = twilio.read_message_report(form(MessageStatus="undelivered", ErrorCode="30003"))
    assert report.error is not None and "docs/api/errors/30003" in report.error
    assert not report.is_opted_out
    assert twilio.read_message_report(form(MessageStatus="failed", ErrorCode="21610")).is_opted_out
    for senseless in ("", "0", "x", "9" * 40):
        assert twilio.read_message_report(form(MessageStatus="failed", ErrorCode=senseless)).error is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"From=%2B1&To=%2B1",
        b"MessageSid=&SmsSid=&From=%2B1&To=%2B1",
        b"MessageSid=../x&From=%2B1&To=%2B1",
        b"MessageSid=SM1&From=&To=%2B1",
        b"MessageSid=SM1&From=%00&To=%2B1",
        b"MessageSid=SM1&From=%2B1",
        b"MessageSid=SM1&From=" + b"1" * 70 + b"&To=%2B1",
        b"\xff",
        b"{}",
    ],
)
async def test_senseless_forms_are_bad_input(twilio: Carrier, body: bytes) -> None:
    with pytest.raises(BadInput):
        twilio.read_message(body)
    with pytest.raises(BadInput):
        twilio.read_message_report(body)


@given(st.dictionaries(st.sampled_from([*FORM, "MediaUrl0", "OptOutType"]), st.text(max_size=40)))
def test_no_form_breaks_the_reader(fields: dict[str, str]) -> None:
    try:
        body = urlencode(fields).encode()
    except UnicodeEncodeError:  # lone surrogates cannot be posted
        return
    for read in (messages.read_message, messages.read_report):
        try:
            read(body)
        except BadInput:
            continue


async def test_a_text_is_answered_with_nothing(twilio: Carrier) -> None:
    document = twilio.message_document()
    assert document.content_type.startswith("text/xml")
    assert document.body.endswith(b"<Response></Response>")
