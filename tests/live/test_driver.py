"""The driver: facts wait for the start, a bug is told on and journalled, nothing comes after the end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from parley.conversation import facts, wishes
from parley.conversation.journals.journal import Header, decode
from parley.conversation.machine import Conversation
from parley.domain.agents import Conduct, KeyEntry
from parley.live.driver import Driver
from parley.live.journals import Journal
from tests.conversation.telling import HOSTED, WEBHOOK


class Faulty(Conversation):
    """Has a bug in hanging up."""

    def handle(self, fact: facts.AnyFact, now: float) -> list[wishes.AnyWish]:
        if isinstance(fact, facts.HungUp):
            raise AssertionError("a bug")
        return super().handle(fact, now)


class Stage:
    def __init__(self, conversation: Conversation, journal: Journal | None = None) -> None:
        self.wished: list[wishes.AnyWish] = []
        self.bugs: list[Exception] = []
        self.driver = Driver(
            conversation, (journal or Journal(None)).write, lambda wish, now: self.wished.append(wish), self.bugs.append
        )


async def test_what_is_posted_before_the_start_waits_for_it() -> None:
    stage = Stage(Conversation(WEBHOOK))
    stage.driver.post(facts.CallPrepared())
    assert stage.wished == []
    stage.driver.start()
    assert isinstance(stage.wished[0], wishes.Say)


async def test_nothing_is_handled_after_the_close() -> None:
    stage = Stage(Conversation(WEBHOOK))
    stage.driver.start()
    stage.driver.close()
    for _ in range(2000):
        stage.driver.post(facts.CallPrepared())
    assert stage.wished == []


async def test_a_bug_is_told_on_and_the_fact_that_met_it_is_in_the_journal(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "call_1.jsonl")
    stage = Stage(Faulty(HOSTED), journal)
    journal.begin(Header("call_1", HOSTED, stage.driver.conversation.rules))
    writing = asyncio.create_task(journal.run())
    stage.driver.start()
    stage.driver.post(facts.HungUp())
    assert [str(bug) for bug in stage.bugs] == ["a bug"]
    await asyncio.sleep(0)
    writing.cancel()  # as the session's group does when the call fails
    await asyncio.wait((writing,))
    _, entries = decode((tmp_path / "call_1.jsonl").read_bytes().splitlines(keepends=True))
    assert [entry.fact for entry in entries] == [facts.HungUp()]


class Overdue(Conversation):
    """Always has something that should have been done a moment ago."""

    def next_deadline(self) -> float | None:
        return 0.0


async def test_a_deadline_that_has_passed_may_be_armed_again() -> None:
    stage = Stage(Overdue(WEBHOOK))
    stage.driver.start()
    stage.driver.post(facts.CallPrepared())
    stage.driver.close()
    assert stage.bugs == []


class Punctual(Conversation):
    """Counts how often it was woken, and how often before anything was due."""

    woken = 0
    woken_early = 0

    def handle_deadline(self, now: float) -> list[wishes.AnyWish]:
        self.woken += 1
        at = self.next_deadline()
        self.woken_early += at is None or at > now
        return super().handle_deadline(now)


@pytest.mark.parametrize("pause_s", [0.003, 0.005, 0.007, 0.0047])
async def test_a_timer_that_comes_a_hair_early_does_not_wake_in_vain(pause_s: float) -> None:
    conversation = Punctual(msgspec.structs.replace(HOSTED, conduct=Conduct(keys=KeyEntry(pause_s=pause_s))))
    stage = Stage(conversation)
    stage.driver.start()
    stage.driver.post(facts.CallConnected())
    for _ in range(40):
        stage.driver.post(facts.KeyPressed("1"))
        await asyncio.sleep(0.011)
    stage.driver.close()
    assert conversation.woken >= 40
    assert conversation.woken_early == 0
