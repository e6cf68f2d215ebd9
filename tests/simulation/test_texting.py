"""Texts between simulated phones and the smallest platform, through the real adapter."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from parley.domain.carriers import CarrierAccount, NumberHooks
from parley.domain.errors import CarrierRefused, Conflict, NotFound
from parley.domain.secrets import Secret
from parley.providers.carriers.twilio import Twilio
from parley.providers.tls import http_trust
from parley.simulation import SimulatedPhone
from tests.emulators.twilio import TwilioEmulator
from tests.simulation.platform import TinyPlatform, until

OURS, THEIRS, NOBODY = "+14155550100", "+15550100001", "+15550100077"


class Scene:
    """Carrier, platform and adapter, with one number bought and pointed at the platform."""

    def __init__(self, carrier: TwilioEmulator, platform: TinyPlatform, twilio: Twilio) -> None:
        self.carrier = carrier
        self.platform = platform
        self.twilio = twilio
        self.account = CarrierAccount(carrier.account_sid, Secret(carrier.auth_token))

    async def buy(self) -> None:
        url = self.platform.url
        await self.twilio.buy(self.account, OURS, NumberHooks(url + "/voice", url + "/status", url + "/message"))

    async def send(self, to_number: str = THEIRS, body: str = "Hello") -> str:
        status_url = self.platform.url + "/message-status"
        return await self.twilio.send_message(self.account, OURS, to_number, body, [], status_url)

    async def statuses(self, count: int) -> list[str]:
        await until(lambda: len(self.platform.text_reports) >= count)
        return [report.status for report in self.platform.text_reports]


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with (
        httpx.AsyncClient(trust_env=False, timeout=60, verify=http_trust()) as http,
        TwilioEmulator() as carrier,
        TinyPlatform(carrier.auth_token) as platform,
    ):
        scene = Scene(carrier, platform, Twilio(http, carrier.url))
        await scene.buy()
        yield scene


async def test_a_phone_texts_a_number_and_may_be_missed_the_first_time(scene: Scene) -> None:
    text = await scene.carrier.phone(THEIRS).text(OURS, "Are you open? 👋", ["https://media.example/1"])
    await scene.carrier.centre.tell_again(text)
    first, second = scene.platform.texts
    assert first == second
    assert (first.carrier_message_id, first.from_number, first.to_number) == (text.sid, THEIRS, OURS)
    assert (first.body, first.media_urls) == ("Are you open? 👋", ("https://media.example/1",))
    assert scene.carrier.centre.problems == []


async def test_a_text_reaches_the_phone_and_is_reported(scene: Scene) -> None:
    phone = scene.carrier.phone(THEIRS)
    sid = await scene.send(body="Your table is ready.")
    assert await scene.statuses(3) == ["queued", "sent", "delivered"]
    assert phone.inbox.bodies == ["Your table is ready."]
    assert {report.carrier_message_id for report in scene.platform.text_reports} == {sid}


async def test_a_number_without_a_phone_gets_nothing(scene: Scene) -> None:
    await scene.send(NOBODY)
    assert await scene.statuses(3) == ["queued", "sent", "undelivered"]
    assert "30003" in (scene.platform.text_reports[-1].error or "")


@pytest.mark.parametrize(
    ("mode", "statuses"),
    [
        ("twice", ["queued", "queued", "sent", "sent", "delivered", "delivered"]),
        ("reversed", ["delivered", "sent", "queued"]),
    ],
)
async def test_reports_may_come_twice_and_in_disorder(scene: Scene, mode: str, statuses: list[str]) -> None:
    scene.carrier.callbacks.mode = mode  # type: ignore[assignment]
    scene.carrier.phone(THEIRS)
    await scene.send()
    assert await scene.statuses(len(statuses)) == statuses


async def test_the_carrier_acts_on_stop_and_start_itself(scene: Scene) -> None:
    phone = scene.carrier.phone(THEIRS)
    await phone.text(OURS, "stop")
    with pytest.raises(CarrierRefused, match="21610"):
        await scene.send()
    await phone.text(OURS, "help")
    await phone.text(OURS, "yes")
    await phone.text(OURS, "yes")
    await scene.send()
    assert len(await phone.inbox.wait_for(4)) == 4
    assert [text.body for text in scene.platform.texts] == ["stop", "help", "yes", "yes"]


@pytest.mark.parametrize(
    ("to_number", "body", "code"), [("+0", "x", 21211), (THEIRS, "", 21602), (THEIRS, "x" * 1601, 21617)]
)
async def test_what_the_carrier_does_not_take(scene: Scene, to_number: str, body: str, code: int) -> None:
    with pytest.raises(CarrierRefused, match=str(code)):
        await scene.send(to_number, body)


async def test_a_server_that_does_not_answer_is_noted(scene: Scene) -> None:
    owned = scene.carrier.stock.find(OURS)
    assert owned is not None
    owned.hooks["SmsUrl"] = "http://127.0.0.1:9/message"
    await scene.carrier.phone(THEIRS).text(OURS, "Hello?")
    assert "11200" in scene.carrier.centre.problems[0]


async def test_nobody_texts_without_a_carrier_or_a_number(scene: Scene) -> None:
    with pytest.raises(NotFound):
        await scene.carrier.phone(THEIRS).text(NOBODY, "Hello?")
    async with SimulatedPhone() as loose:
        with pytest.raises(Conflict):
            await loose.text(OURS, "Hello?")
