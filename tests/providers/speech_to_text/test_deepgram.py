"""Deepgram over a real socket; the emulator hears what truly arrives, so lost or doubled audio shows in the words."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest
import structlog

from parley.audio.formats import MULAW_8K
from parley.audio.watermark import speak
from parley.conversation.facts import PartFailed, PartLost, PartRestored, UtteranceEnded, VoiceStarted, WordsHeard
from parley.domain.agents import ListenChoice
from parley.domain.secrets import Secret
from parley.providers.protocols import HearingFact
from parley.providers.speech_to_text.deepgram import DeepgramHearing, DeepgramSpeechToText, Patience
from tests.emulators.deepgram import KEY, Behaviour, DeepgramEmulator

PATIENCE = Patience(
    look_every_s=0.02,
    connect_s=10.0,
    keep_alive_s=0.1,
    dumb_after_s=10.0,
    proven_after_s=0.15,
    give_up_s=60.0,
    farewell_s=0.5,
)
# For servers that are truly dumb or away, so that a test need not wait long for it.
HASTE = msgspec.structs.replace(PATIENCE, connect_s=0.5, dumb_after_s=0.3, give_up_s=1.5)
FLUX = ListenChoice(model="flux-general-en")
LINES = [
    "Good morning, I would like to book a table.",
    "For four people on Wednesday evening please.",
    "My name is Miller and I will be a little late.",
]
PAUSE = b"\xff" * (160 * 40)
CALL = PAUSE + b"".join(speak(line) + PAUSE for line in LINES)


class Heard:
    """Collects facts; waits for some without polling."""

    def __init__(self) -> None:
        self.facts: list[HearingFact] = []
        self._changed = asyncio.Event()

    def __call__(self, fact: HearingFact) -> None:
        self.facts.append(fact)
        self._changed.set()

    async def until(self, condition: Callable[[Heard], bool], within_s: float = 60.0) -> None:
        async with asyncio.timeout(within_s):
            while not condition(self):
                self._changed.clear()
                await self._changed.wait()

    @property
    def said(self) -> str:
        return " ".join(
            fact.text for fact in self.facts if isinstance(fact, WordsHeard) and fact.is_final and fact.text
        )

    @property
    def turns(self) -> int:
        """How many times a turn was ended."""
        return sum(
            isinstance(fact, UtteranceEnded) or (isinstance(fact, WordsHeard) and fact.ends_turn) for fact in self.facts
        )

    @property
    def troubles(self) -> list[HearingFact]:
        return [fact for fact in self.facts if isinstance(fact, PartLost | PartRestored | PartFailed)]


@asynccontextmanager
async def listening(
    url: str, heard: Heard, choice: ListenChoice | None = None, key: str = KEY, patience: Patience = PATIENCE
) -> AsyncIterator[DeepgramHearing]:
    recogniser = DeepgramSpeechToText(url, patience)
    hearing = recogniser.listen(choice or ListenChoice(), MULAW_8K, Secret(key), heard)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(hearing.run())
        yield hearing
        hearing.close()


async def play(hearing: DeepgramHearing, audio: bytes, frame: int = 160) -> None:
    """As a carrier brings it, only as fast as the loop goes round."""
    for at in range(0, len(audio), frame):
        hearing.hear(audio[at : at + frame])
        await asyncio.sleep(0)


async def test_a_model_made_for_it_says_early_that_a_turn_may_be_over_and_takes_it_back() -> None:
    heard = Heard()
    audio = speak("Hold on.") + b"\xff" * 900 + speak("I am late.") + PAUSE
    eager = ListenChoice(model="flux-general-en", tells_early=True)
    async with DeepgramEmulator() as vendor, listening(vendor.url, heard, eager) as hearing:
        await play(hearing, audio)
        await heard.until(lambda heard: heard.turns == 1)
    words = [fact for fact in heard.facts if isinstance(fact, WordsHeard)]
    guesses = [at for at, fact in enumerate(words) if fact.may_end_turn]
    assert [words[at].text for at in guesses] == ["Hold on.", "Hold on. I am late."]
    assert not words[guesses[0] + 1].may_end_turn
    assert words[-1].ends_turn and words[-1].text == words[guesses[1]].text


@pytest.mark.parametrize("choice", [ListenChoice(), FLUX], ids=["nova", "flux"])
async def test_a_call_is_heard_word_for_word_with_an_end_for_every_turn(choice: ListenChoice) -> None:
    heard = Heard()
    async with DeepgramEmulator() as vendor, listening(vendor.url, heard, choice) as hearing:
        await play(hearing, CALL)
        await heard.until(lambda heard: heard.turns == 3)
    finals = [fact for fact in heard.facts if isinstance(fact, WordsHeard) and fact.is_final]
    assert [fact.text for fact in finals] == LINES
    assert all(fact.ends_turn and fact.turn_is_certain == (choice is FLUX) for fact in finals)
    assert finals[0].confidence == pytest.approx(0.98)
    interim = [fact.text for fact in heard.facts if isinstance(fact, WordsHeard) and not fact.is_final]
    assert interim[:3] == ["Good", "Good morning,", "Good morning, I"]
    assert sum(isinstance(fact, VoiceStarted) for fact in heard.facts) == 3
    assert heard.troubles == []
    (stream,) = vendor.streams
    assert bytes(stream.audio) == CALL
    assert stream.authorization == f"Token {KEY}"
    assert stream.query["encoding"] == "mulaw"
    assert [message["type"] for message in stream.controls] == ["CloseStream"]
    assert stream.close_code == 1000


@pytest.mark.parametrize("choice", [ListenChoice(), FLUX], ids=["nova", "flux"])
@pytest.mark.parametrize("seed", range(12))
async def test_wherever_the_socket_breaks_no_word_is_lost_or_comes_twice(seed: int, choice: ListenChoice) -> None:
    chance = random.Random(seed)
    cuts = [chance.randrange(1, len(CALL)) for _ in range(chance.choice([1, 1, 2, 4]))]
    behaviour = Behaviour(cut_after_bytes=cuts, latency_s=chance.choice([0.0, 0.002]))
    heard = Heard()
    async with DeepgramEmulator(behaviour) as vendor, listening(vendor.url, heard, choice) as hearing:
        await play(hearing, CALL, frame=chance.choice([160, 320, 1000]))
        await heard.until(lambda heard: heard.said == " ".join(LINES) and heard.turns == 3)
        await asyncio.sleep(0.05)
    assert heard.said == " ".join(LINES)
    assert heard.turns == 3
    lost = [fact for fact in heard.troubles if isinstance(fact, PartLost)]
    assert len(vendor.streams) > 1
    assert lost
    assert lost[0].reason == "connection_lost"
    assert not any(isinstance(fact, PartFailed) for fact in heard.troubles)


async def test_settled_words_whose_pause_was_lost_with_the_socket_still_end_their_turn() -> None:
    heard = Heard()
    async with (
        DeepgramEmulator(Behaviour(late_twin_s=0.3)) as vendor,
        listening(vendor.url, heard) as hearing,
    ):
        await play(hearing, PAUSE + speak(LINES[0]) + PAUSE)
        await heard.until(lambda heard: heard.said == LINES[0])
        assert heard.turns == 0
        vendor.cut_all()
        await heard.until(lambda heard: heard.turns == 1)
    assert heard.said == LINES[0]


async def test_the_late_twin_of_a_final_ends_one_turn_not_two() -> None:
    heard = Heard()
    async with DeepgramEmulator(Behaviour(late_twin_s=0.05)) as vendor, listening(vendor.url, heard) as hearing:
        await play(hearing, PAUSE + speak(LINES[0]) + PAUSE)
        await heard.until(lambda heard: heard.turns == 1)
        await play(hearing, speak(LINES[1]) + PAUSE)
        await heard.until(lambda heard: heard.turns == 2)
    assert heard.said == " ".join(LINES[:2])
    assert heard.turns == 2


@pytest.mark.parametrize("choice", [ListenChoice(), FLUX], ids=["nova", "flux"])
async def test_a_quiet_stream_is_kept_alive_and_its_clock_stays_right(choice: ListenChoice) -> None:
    heard = Heard()
    async with (
        DeepgramEmulator(Behaviour(idle_s=0.3)) as vendor,
        listening(vendor.url, heard, choice) as hearing,
    ):
        await asyncio.sleep(0.6)
        await play(hearing, CALL)
        await heard.until(lambda heard: heard.turns == 3)
    assert heard.troubles == []
    assert heard.said == " ".join(LINES)
    (stream,) = vendor.streams
    assert stream.keep_alives >= 3 or choice is FLUX
    assert bytes(stream.audio).lstrip(b"\xff") == CALL.lstrip(b"\xff")


async def test_a_server_that_falls_dumb_is_left_and_what_it_owed_is_heard_by_the_next() -> None:
    heard = Heard()
    behaviour = Behaviour(hang_after_bytes=len(PAUSE) + 16_000, times=1)
    patience = msgspec.structs.replace(PATIENCE, dumb_after_s=1.0)
    async with DeepgramEmulator(behaviour) as vendor, listening(vendor.url, heard, patience=patience) as hearing:
        await play(hearing, CALL)
        await heard.until(lambda heard: heard.turns == 3)
    assert heard.said == " ".join(LINES)
    assert heard.troubles == [PartLost("speech_to_text", "stalled"), PartRestored("speech_to_text")]
    assert len(vendor.streams) == 2


async def test_a_server_that_stays_dumb_is_given_up_although_it_accepts_connections() -> None:
    heard = Heard()
    async with (
        DeepgramEmulator(Behaviour(silent=True)) as vendor,
        listening(vendor.url, heard, patience=HASTE) as hearing,
    ):
        await play(hearing, CALL)
        await heard.until(lambda heard: bool(heard.troubles) and isinstance(heard.troubles[-1], PartFailed))
    assert heard.troubles == [PartLost("speech_to_text", "stalled"), PartFailed("speech_to_text", "stalled")]
    assert vendor.handshakes > 2


async def test_silence_from_a_server_that_hears_only_silence_is_no_fault() -> None:
    heard = Heard()
    async with (
        DeepgramEmulator(Behaviour(silent=True)) as vendor,
        listening(vendor.url, heard, patience=msgspec.structs.replace(HASTE, connect_s=10.0)) as hearing,
    ):
        for _ in range(10):
            await play(hearing, PAUSE)
            await asyncio.sleep(0.06)
    assert heard.facts == []
    assert vendor.handshakes == 1


async def test_a_connection_that_is_accepted_and_then_dropped_is_no_recovery() -> None:
    heard = Heard()
    async with (
        DeepgramEmulator(Behaviour(reject_after_s=0.05)) as vendor,
        listening(vendor.url, heard, patience=msgspec.structs.replace(PATIENCE, give_up_s=1.5)),
    ):
        await heard.until(lambda heard: len(heard.troubles) == 2)
    assert heard.troubles == [
        PartLost("speech_to_text", "connection_lost"),
        PartFailed("speech_to_text", "connection_lost"),
    ]
    assert vendor.handshakes > 2


@pytest.mark.parametrize(
    ("status", "reason"), [(401, "bad_credentials"), (403, "bad_credentials"), (402, "out_of_credit"), (400, "refused")]
)
async def test_a_refusal_that_will_not_change_is_told_at_once(status: int, reason: str) -> None:
    heard = Heard()
    async with DeepgramEmulator(Behaviour(refuse_status=status)) as vendor, listening(vendor.url, heard):
        await heard.until(lambda heard: bool(heard.troubles))
    assert heard.facts == [PartFailed("speech_to_text", reason)]
    assert vendor.handshakes == 1


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (Behaviour(refuse_status=429, times=2), "rate_limited"),
        (Behaviour(refuse_status=503, times=2), "provider_error"),
        (Behaviour(connect_delay_s=30.0, times=1), "connect_timeout"),
    ],
    ids=["429", "503", "slow"],
)
async def test_a_passing_refusal_costs_time_but_no_words(behaviour: Behaviour, reason: str) -> None:
    heard, patience = Heard(), msgspec.structs.replace(PATIENCE, connect_s=1.0)
    async with DeepgramEmulator(behaviour) as vendor, listening(vendor.url, heard, patience=patience) as hearing:
        await play(hearing, CALL)
        await heard.until(lambda heard: heard.turns == 3)
    assert heard.said == " ".join(LINES)
    assert heard.troubles == [PartLost("speech_to_text", reason), PartRestored("speech_to_text")]


async def test_a_host_that_is_not_there_is_given_up_after_a_while() -> None:
    heard = Heard()
    async with DeepgramEmulator() as vendor:
        url = vendor.url
    async with listening(url, heard, patience=HASTE):
        await heard.until(lambda heard: len(heard.troubles) == 2)
    assert heard.troubles == [PartLost("speech_to_text", "unreachable"), PartFailed("speech_to_text", "unreachable")]


@pytest.mark.parametrize("choice", [ListenChoice(), FLUX], ids=["nova", "flux"])
async def test_garbage_between_the_messages_changes_nothing(choice: ListenChoice) -> None:
    heard = Heard()
    async with (
        DeepgramEmulator(Behaviour(garbage=True)) as vendor,
        listening(vendor.url, heard, choice) as hearing,
    ):
        await play(hearing, CALL)
        await heard.until(lambda heard: heard.turns == 3)
    assert heard.said == " ".join(LINES)
    assert heard.troubles == []


@pytest.mark.parametrize("connect_delay_s", [0.0, 30.0])
async def test_closing_waits_for_nothing_and_nothing_is_told_after_it(connect_delay_s: float) -> None:
    heard = Heard()
    async with DeepgramEmulator(Behaviour(connect_delay_s=connect_delay_s)) as vendor:
        recogniser = DeepgramSpeechToText(vendor.url, Patience())
        hearing = recogniser.listen(ListenChoice(), MULAW_8K, Secret(KEY), heard)
        running = asyncio.create_task(hearing.run())
        await asyncio.sleep(0.1)
        hearing.hear(speak("unfinished"))
        hearing.close()
        told = len(heard.facts)
        async with asyncio.timeout(20):
            await running
        hearing.hear(speak("too late"))
    assert len(heard.facts) == told


async def test_neither_key_nor_words_are_logged() -> None:
    heard = Heard()
    with structlog.testing.capture_logs() as logs:
        async with (
            DeepgramEmulator(Behaviour(cut_after_bytes=[30_000])) as vendor,
            listening(vendor.url, heard) as hearing,
        ):
            await play(hearing, CALL)
            await heard.until(lambda heard: heard.turns == 3)
    assert [entry["event"] for entry in logs] == ["recogniser_lost", "recogniser_restored"]
    assert KEY not in str(logs)
    assert not any(word in str(logs) for word in " ".join(LINES).split() if len(word) > 4)


async def test_closing_in_the_moment_a_wait_ends_is_no_error() -> None:
    async with DeepgramEmulator() as vendor, listening(vendor.url, Heard()) as hearing:
        await play(hearing, speak("hello") + PAUSE)
        # The second call finds the wait that the first one ended, and which the loop has not left yet.
        hearing.close()
        await asyncio.sleep(0)
        hearing.close()
