"""What an agent says in every call is synthesised once, and nothing else is kept."""

from __future__ import annotations

import asyncio

from parley.conversation.facts import PartReplaced
from parley.providers.protocols import SpokenAudio, UtteranceDone, UtteranceFailed, VoiceFact
from parley.providers.text_to_speech.kept_speech import KeptSpeech, SpeechShelf
from tests.live.doubles import ScriptedVoice, done, spoken

GREETING = "Hello, this is Ada."


class Call:
    """One call's voice, with what came of it."""

    def __init__(self, shelf: SpeechShelf, voice: str = "ada") -> None:
        self.told: list[VoiceFact | PartReplaced] = []
        self.behind = ScriptedVoice()
        self.voice = KeptSpeech(shelf, ("proj_1", voice), self.told.append)
        self.voice.before(self.behind)

    async def line(self, text: str, number: int = 1) -> None:
        """A whole line, as the conversation says its own sentences; the voice behind speaks what it is asked for."""
        self.voice.say(number, text)
        self.voice.finish(number)
        await self.turn()
        if number in self.behind.text:
            self.voice.told(spoken(number, text[:5]))
            self.voice.told(spoken(number, text[5:]))
            self.voice.told(done(number))

    async def turn(self) -> None:
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    @property
    def was_asked(self) -> bool:
        return bool(self.behind.text)

    def heard(self, number: int = 1) -> str:
        return "".join(fact.chars for fact in self.told if isinstance(fact, SpokenAudio) and fact.utterance == number)


async def test_a_line_that_is_said_again_and_again_is_there_at_once() -> None:
    shelf = SpeechShelf()
    for is_asked in (True, True, False, False):
        call = Call(shelf)
        await call.line(GREETING, number=7)
        assert (call.was_asked, call.heard(7)) == (is_asked, GREETING)
        assert call.told[-1] == UtteranceDone(7)
    assert 0 < shelf.held_bytes < 10_000


async def test_another_voice_and_another_line_are_asked_for() -> None:
    shelf = SpeechShelf()
    for _ in range(3):
        await Call(shelf).line(GREETING)
    assert await _asked(Call(shelf, "bob"), GREETING)
    assert await _asked(Call(shelf), "Hello, this is Bob.")
    assert not await _asked(Call(shelf), GREETING)


async def _asked(call: Call, text: str) -> bool:
    await call.line(text)
    return call.was_asked


async def test_text_that_comes_in_pieces_goes_on_at_once_and_is_not_kept() -> None:
    shelf = SpeechShelf()
    for _ in range(3):
        call = Call(shelf)
        call.voice.say(1, "We are ")
        await call.turn()
        assert call.behind.text == {1: "We are "}
        call.voice.say(1, "open.")
        assert call.behind.text == {1: "We are open."}
        call.voice.finish(1)
        assert call.behind.finished == {1}
        call.voice.told(spoken(1, "We are open."))
        call.voice.told(done(1))
    assert shelf.held_bytes == 0


async def test_what_failed_was_retried_cut_or_spoken_by_another_voice_is_not_kept() -> None:
    shelf = SpeechShelf()
    await Call(shelf).line(GREETING)
    failed, retried, cut, replaced = (Call(shelf) for _ in range(4))
    for call in (failed, retried, cut, replaced):
        call.voice.say(1, GREETING)
        call.voice.finish(1)
        call.voice.told(spoken(1, GREETING[:5]))
    failed.voice.told(UtteranceFailed(1, "broke_off"))
    retried.voice.retry(1)
    cut.voice.cancel(1)
    replaced.voice.told(PartReplaced("text_to_speech", "stalled"))
    for call in (retried, cut, replaced):
        call.voice.told(done(1))
    assert (retried.behind.retried, cut.behind.cancelled, shelf.held_bytes) == ([1], [1], 0)
    replaced.voice.say(2, GREETING)
    assert replaced.behind.text[2] == GREETING


async def test_a_line_that_is_cancelled_before_it_is_played_makes_no_sound() -> None:
    shelf = SpeechShelf()
    for _ in range(2):
        await Call(shelf).line(GREETING)
    call = Call(shelf)
    call.voice.say(1, GREETING)
    call.voice.finish(1)
    call.voice.cancel(1)
    await call.turn()
    assert (call.told, call.behind.cancelled) == ([], [])


def test_the_shelf_is_bounded_and_lets_old_speech_go() -> None:
    shelf = SpeechShelf(most_bytes=10_000, for_s=60.0, most_seen=2)
    line = (SpokenAudio(1, b"\x00" * 1000),)
    for number in range(20):
        shelf.put((number,), line, now=0.0)
    assert shelf.held_bytes == 10_000
    assert shelf.find((9,), 1.0) is None
    assert shelf.find((10,), 1.0) == shelf.find((19,), 59.0) == line
    shelf.put((20,), line, now=1.0)
    assert (shelf.find((10,), 2.0), shelf.find((11,), 2.0)) == (line, None)
    assert shelf.find((19,), 60.0) is None
    shelf.put((21,), (SpokenAudio(1, b"\x00" * 2000),), now=1.0)
    assert shelf.find((21,), 2.0) is None, "one line must not fill the shelf"
    assert [shelf.is_wanted(("a",)), shelf.is_wanted(("a",)), shelf.is_wanted(("b",))] == [False, True, False]
    assert [shelf.is_wanted(("c",)), shelf.is_wanted(("a",))] == [False, False], "what was seen long ago is forgotten"
