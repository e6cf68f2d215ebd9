"""A session that hands its caller to a human, keeps them where that cannot be, and has them again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import msgspec
import pytest

from parley.domain.calls import Continuation, EarlierLine
from parley.domain.live_events import Transfer, Whisper
from parley.domain.transfers import ReturnedTransfer, Told
from tests.live.desk_doubles import AGENT, House, MemoryDesk, QuickPhone, house_of

NOBODY = "I'm sorry, nobody could take your call right now. How else can I help?"
THEIRS = AGENT if AGENT.transfer_number else msgspec.structs.replace(AGENT, transfer_number="+15550103")


async def asked_to_transfer(house: House, say: str = "") -> QuickPhone:
    """A call that somebody beside it has whispered to, and wants handed over."""
    phone = await house.connect(None, THEIRS)
    assert house.directory.take("call_1", Whisper("Be quick."))
    assert house.directory.take("call_1", Transfer("+15550123", say))
    return phone


async def test_the_announcement_is_heard_and_written_before_the_stream_is_closed() -> None:
    async with house_of() as house:
        house.records.failing = 2  # the database is slow, and the caller comes back to an agent that remembers
        phone = await asked_to_transfer(house, "I put you through.")
        await house.until(lambda: phone.is_closed)
        assert phone.words == "I put you through."
        assert [row.agent for kind, row in house.records.written if kind == "turn"] == ["I put you through."]
        await house.until_empty()
    assert house.desk.transfers == [("+15550123", ("Be quick.",))]
    assert house.ends() == []
    assert "ended_at_carrier" not in house.records.kinds(), "the carrier asks what comes next"
    assert house.metrics.registry.get_sample_value("parley_calls_ended_total", {"reason": "transferred"}) == 1


@pytest.mark.parametrize("is_away", [True, False])
async def test_a_transfer_that_cannot_be_written_is_spoken_about(is_away: bool) -> None:
    async with house_of() as house:
        house.desk.is_transferable = False
        house.desk.failing = int(is_away)
        phone = await asked_to_transfer(house)
        await house.until(lambda: phone.words.endswith("help?"))
        assert phone.words == NOBODY
        assert not phone.is_closed
        assert house.directory.holds("call_1")
        assert ("problem", "transfer_failed") in house.records.written
        house.directory.hang_up("call_1", "caller_hangup")
        await house.until_empty()
    assert house.ends() == ["caller_hangup"]


async def test_a_call_that_was_handed_over_is_not_held_here_any_more() -> None:
    async with house_of() as house:
        house.records.failing = 20
        await asked_to_transfer(house)
        await house.until(lambda: not house.directory.holds("call_1"))
        assert not house.directory.hang_up("call_1", "caller_hangup"), "so whoever was told writes it down"
        assert not house.directory.ask_end("call_1", "api_request")
        house.records.failing = 0
        await house.until_empty()
    assert house.ends() == []


class SlowDesk(MemoryDesk):
    """Needs a while to write a transfer down."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.may_write = asyncio.Event(), asyncio.Event()

    async def transfer(self, call_id: str, to_number: str, whispers: object) -> bool:
        self.begun.set()
        await self.may_write.wait()
        return True


async def test_a_caller_who_hangs_up_meanwhile_has_hung_up() -> None:
    desk = SlowDesk()
    async with house_of(desk) as house:
        await asked_to_transfer(house)
        await desk.begun.wait()
        assert house.directory.hang_up("call_1", "caller_hangup")
        desk.may_write.set()
        await house.until_empty()
    assert house.ends() == ["caller_hangup"]


BEFORE = Continuation(
    100_000,
    30.0,
    (EarlierLine("caller", "A human, please.", datetime(2026, 1, 2, tzinfo=UTC)),),
    whispers=(Told("Be quick.", datetime(2026, 1, 2, tzinfo=UTC)),),
    transfer=ReturnedTransfer("+15550123", "busy"),
    is_back=True,
)


async def test_a_caller_who_comes_back_hears_it_at_once_and_nothing_else() -> None:
    agent = msgspec.structs.replace(THEIRS, greeting="")
    async with house_of() as house:
        phone = await house.connect(None, agent, continues=BEFORE)
        await house.until(lambda: phone.words.endswith("help?"))
        assert phone.words == NOBODY
        await house.until(lambda: any(kind == "turn" for kind, _ in house.records.written))
        assert house.directory.take("call_1", Transfer("+15550124"))
        await house.until_empty()
    [row] = {row.row for kind, row in house.records.written if kind == "turn"}
    assert row >= BEFORE.first_row
    assert house.desk.transfers == [("+15550124", ("Be quick.",))], "the next attempt still knows what was whispered"


async def test_one_whose_stream_only_broke_is_told_nothing() -> None:
    agent = msgspec.structs.replace(THEIRS, greeting="")
    async with house_of() as house:
        phone = await house.connect(None, agent, continues=msgspec.structs.replace(BEFORE, is_back=False))
        house.directory.say("call_1", "Here I am.")
        await house.until(lambda: phone.words.endswith("am."))
        assert phone.words == "Here I am."
        house.directory.hang_up("call_1", "caller_hangup")
        await house.until_empty()
