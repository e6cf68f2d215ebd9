"""A recogniser made of several: one hears the caller, and another one gives its opinion or takes its place.

What the caller said is kept until the recogniser in use has settled it. Another one is given all of that and then hears
on beside the first; whoever brings words first is the one that is used. So nothing is lost, nothing comes twice, and
noise, of which nobody makes words, replaces nobody. Time is measured in audio here: there is no timer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

import structlog

from parley.audio.formats import AudioFormat
from parley.conversation.facts import PartFailed, PartLost, PartReplaced, PartRestored, WordsHeard
from parley.domain.errors import ParleyError
from parley.providers.failover.succession import Succession
from parley.providers.protocols import Hearing, HearingFact
from parley.providers.speech_to_text.audio_tape import AudioTape

_log = structlog.get_logger()
_TAPE_S = 30
_ALIVE_S = 1.5  # a recogniser that is sent audio says something about it more often than that
_OPINION_S = 6.0  # a second opinion that has not come after so much audio is the same as the first

Emit = Callable[[HearingFact | PartReplaced], None]
Listen = Callable[[Callable[[HearingFact], None]], Hearing]
"""Begins a hearing of one particular provider, model and key. May raise ParleyError."""


class _Ear:
    """One hearing among others. `base` is where its audio begins on the tape."""

    __slots__ = ("base", "hearing", "index", "lost_at")

    def __init__(self, index: int, base: int) -> None:
        self.index = index
        self.base = base
        self.lost_at: float | None = None
        self.hearing: Hearing | None = None

    @property
    def settled(self) -> int:
        return self.base + (self.hearing.settled if self.hearing is not None else 0)

    @property
    def is_alive(self) -> bool:
        """Whether it says anything about what it hears, and has since it was lost."""
        answered_at = self.hearing.answered_at if self.hearing is not None else float("-inf")
        return answered_at > (_now() - _ALIVE_S if self.lost_at is None else self.lost_at)


class SparedHearing:
    """A `Hearing` over several providers. `replace` is the conversation's wish to go on with another one.

    A provider that took over says so only when it has answered: connecting proves nothing.
    """

    def __init__(self, listens: Sequence[Listen], succession: Succession, audio: AudioFormat, emit: Emit) -> None:
        self._listens = listens
        self._succession = succession
        self._bytes_per_s = audio.bytes_per_second
        self._emit = emit
        self._tape = AudioTape(_TAPE_S * audio.bytes_per_second)
        self._tasks: asyncio.TaskGroup | None = None
        self._closed = asyncio.Event()
        self._is_lost = False
        self._second: _Ear | None = None
        self._first = self._opened(succession.first)

    @property
    def settled(self) -> int:
        return self._first.settled

    @property
    def answered_at(self) -> float:
        return self._first.hearing.answered_at if self._first.hearing is not None else float("-inf")

    async def run(self) -> None:
        async with asyncio.TaskGroup() as self._tasks:
            assert self._first.hearing is not None
            self._tasks.create_task(self._first.hearing.run())
            await self._closed.wait()

    def close(self) -> None:
        self._closed.set()
        for ear in (self._first, self._second):
            if ear is not None and ear.hearing is not None:
                ear.hearing.close()

    def hear(self, audio: bytes) -> None:
        self._tape.append(audio)
        ears = (self._first, self._second)
        for ear in ears:
            if ear is not None and ear.hearing is not None:
                ear.hearing.hear(audio)
        if self._second is not None or self._first.index != self._succession.announced:
            self._look()
        self._tape.forget(self._first.settled)

    def replace(self, reason: str) -> None:
        """No words came of the caller's voice: ask another recogniser too, the next one, else the same anew.

        One that answers, only without words, is asked for its opinion and nothing else; then nobody is lost yet.
        """
        if self._closed.is_set():
            return
        if not self._first.is_alive:
            self._note_lost(reason)
        elif self._second is not None or not self._succession.has_others(self._first.index):
            return
        tried = self._first.index
        if self._second is not None and not self._second.is_alive:
            tried = self._second.index
            self._drop_second(reason)
        if self._second is None:
            self._ask_second(tried)

    # ------------------------------------------------------------ one of them tells

    def _told(self, ear: _Ear, fact: HearingFact) -> None:
        if self._closed.is_set():
            return
        if ear is self._first:
            self._told_by_first(fact)
        elif ear is self._second:
            self._told_by_second(ear, fact)

    def _told_by_first(self, fact: HearingFact) -> None:
        match fact:
            case PartLost(reason=reason):
                self._note_lost(reason)
                if self._second is None and self._succession.has_others(self._first.index):
                    self._ask_second(self._first.index)
            case PartRestored() if self._first.is_alive:
                self._works()
            case PartRestored() if self._is_lost and self._first.index == self._succession.announced:
                self._is_lost, self._first.lost_at = (
                    False,
                    None,
                )  # so it says, and nobody has spoken meanwhile who could prove it wrong
                self._emit(fact)
            case PartRestored():
                pass
            case PartFailed(reason=reason):
                self._give_up_first(reason)
            case WordsHeard(text=text) if text.strip():
                self._works()
                self._emit(fact)
            case _:
                self._emit(fact)

    def _told_by_second(self, second: _Ear, fact: HearingFact) -> None:
        match fact:
            case PartFailed(reason=reason):
                self._succession.refused(second.index)
                self._drop_second(reason)
                if self._succession.has_others(self._first.index):
                    self._ask_second(self._first.index)
            case PartLost(reason=reason):
                self._succession.failed(second.index, reason, _now())
            case WordsHeard(text=text) if text.strip():
                self._take_second("no_words")
                self._emit(fact)
            case _:
                pass  # only words, or a sign of life, make it the one that counts

    def _look(self) -> None:
        """A frame went by: has one of them shown signs of life, or the opinion of the second come to nothing?"""
        second = self._second
        if self._first.is_alive:
            if self._is_lost or self._first.index != self._succession.announced:
                self._works(keeps_second=True)
            if second is not None and self._tape.end - second.base > _OPINION_S * self._bytes_per_s:
                self._drop_second("")
        elif second is not None and second.is_alive:
            self._take_second("no_answer")

    # ------------------------------------------------------------ who is used

    def _works(self, *, keeps_second: bool = False) -> None:
        """The first one brought words, or answers again."""
        is_news = self._succession.succeeded(self._first.index)
        was_lost, self._is_lost, self._first.lost_at = self._is_lost, False, None
        if is_news:
            self._emit(PartReplaced("speech_to_text", "took_over"))
        elif was_lost:
            self._emit(PartRestored("speech_to_text"))
        if not keeps_second:
            self._drop_second("")

    def _take_second(self, reason: str) -> None:
        second, old = self._second, self._first
        assert second is not None
        _log.warning("recogniser_replaced", reason=reason, by=second.index)
        if not self._is_lost:
            self._succession.failed(old.index, reason, _now())
        self._first, self._second = second, None
        if old.hearing is not None:
            old.hearing.close()
        self._works()

    def _give_up_first(self, reason: str) -> None:
        """It will not come back: whoever is next is used from here on, and has to show that it works."""
        self._succession.refused(self._first.index)
        if self._second is None:
            self._ask_second(self._first.index)
        if self._second is None:
            self._emit(PartFailed("speech_to_text", reason))
            return
        self._note_lost(reason)
        old, self._first, self._second = self._first, self._second, None
        if old.hearing is not None:
            old.hearing.close()

    def _note_lost(self, reason: str) -> None:
        if self._first.lost_at is None:
            self._first.lost_at = _now()
            self._succession.failed(self._first.index, reason, _now())
        if not self._is_lost:
            self._is_lost = True
            self._emit(PartLost("speech_to_text", reason))

    def _ask_second(self, besides: int) -> None:
        """Let the next one hear what is not settled, and then what comes; the same one anew, where it is the only one.

        `besides` is the one that has just been tried.
        """
        while True:
            index = self._succession.next({besides})
            if index is None and not self._succession.is_refused(besides):
                index = besides
            if index is None or self._tasks is None:
                return
            try:
                second = self._opened(index)
            except ParleyError as error:
                self._succession.refused(index)
                _log.warning("recogniser_not_opened", reason=error.code)
                continue
            break
        self._second = second
        assert second.hearing is not None
        second.hearing.hear(self._tape.read(second.base, _TAPE_S * self._bytes_per_s))
        self._tasks.create_task(second.hearing.run())

    def _opened(self, index: int) -> _Ear:
        """Raises ParleyError."""
        ear = _Ear(index, self._tape.start if self._tape.end == 0 else max(self._first.settled, self._tape.start))
        ear.hearing = self._listens[index](partial(self._told, ear))
        return ear

    def _drop_second(self, reason: str) -> None:
        """With a `reason` it had its chance and did not use it."""
        second, self._second = self._second, None
        if second is not None and second.hearing is not None:
            second.hearing.close()
            if reason:
                self._succession.failed(second.index, reason, _now())


def _now() -> float:
    return asyncio.get_running_loop().time()
