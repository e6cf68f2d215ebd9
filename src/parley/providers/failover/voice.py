"""A voice made of several: what one owes, the next one says, from the first word that was not wholly synthesised.

Where the conversation finds a voice late, the next one is asked beside it, and whoever is heard first goes on. Each
character is told once, whoever speaks it, so that the ledger stays true. A voice that took over is kept for the rest of
the call: callers notice when it changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

import structlog

from parley.audio.formats import AudioFormat
from parley.conversation.facts import PartFailed, PartLost, PartReplaced, PartRestored
from parley.domain.errors import ParleyError
from parley.providers.failover.succession import Succession
from parley.providers.failover.telling import Attempt, Telling
from parley.providers.protocols import SpokenAudio, UtteranceDone, UtteranceFailed, Voice, VoiceFact

_log = structlog.get_logger()

Emit = Callable[[VoiceFact | PartReplaced], None]
Speak = Callable[[Callable[[VoiceFact], None]], Voice]
"""Makes a voice of one particular provider, model and key. May raise ParleyError."""


class SparedVoice:
    """A `Voice` over several providers. The first is warmed with `run`, the others when they are needed."""

    def __init__(self, speaks: Sequence[Speak], succession: Succession, audio: AudioFormat, emit: Emit) -> None:
        self._speaks = speaks
        self._succession = succession
        self._format = audio
        self._emit = emit
        self._tellings: dict[int, Telling] = {}
        self._lost: set[int] = set()  # providers that are mending their connection
        self._closed = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None
        self._current = succession.first
        self._voices = {self._current: speaks[self._current](partial(self._told, self._current))}

    async def run(self) -> None:
        async with asyncio.TaskGroup() as self._tasks:
            for voice in list(self._voices.values()):
                self._tasks.create_task(voice.run())
            await self._closed.wait()

    def close(self) -> None:
        self._closed.set()
        for voice in self._voices.values():
            voice.close()

    # ------------------------------------------------------------ what the call asks for

    def say(self, utterance: int, text: str) -> None:
        telling = self._tellings.get(utterance)
        if telling is None:
            telling = self._tellings[utterance] = Telling(utterance, self._format)
            self._begin(telling)
        telling.given += text
        for attempt in telling.attempts:
            self._voices[attempt.index].say(utterance, text)

    def finish(self, utterance: int) -> None:
        telling = self._tellings.get(utterance)
        if telling is not None:
            telling.is_finished = True
            for attempt in telling.attempts:
                self._voices[attempt.index].finish(utterance)

    def cancel(self, utterance: int) -> None:
        telling = self._tellings.pop(utterance, None)
        if telling is not None:
            self._drop(telling, telling.attempts)

    def retry(self, utterance: int) -> None:
        """It is late: ask the next voice too; where there is none, the same one has its own ways."""
        telling = self._tellings.get(utterance)
        if telling is None:
            return
        if not self._ask_next(telling, "late"):
            for attempt in telling.attempts:
                self._voices[attempt.index].retry(utterance)

    # ------------------------------------------------------------ one of them tells

    def _told(self, index: int, fact: VoiceFact) -> None:
        if self._closed.is_set():
            return
        if isinstance(fact, SpokenAudio | UtteranceDone | UtteranceFailed):
            telling = self._tellings.get(fact.utterance)
            attempt = telling.attempt_of(index) if telling is not None else None
            if telling is not None and attempt is not None:
                self._told_of(telling, attempt, fact)
        else:
            self._told_of_itself(index, fact)

    def _told_of(self, telling: Telling, attempt: Attempt, fact: SpokenAudio | UtteranceDone | UtteranceFailed) -> None:
        match fact:
            case SpokenAudio():
                if fact.audio:
                    self._goes_on_with(telling, attempt)
                self._emit(telling.spoken(attempt, fact))
            case UtteranceDone():
                if attempt.has_spoken or not _has_sound(telling.rest_for(attempt)):
                    self._drop(telling, [one for one in telling.attempts if one is not attempt])
                    del self._tellings[telling.number]
                    self._emit(fact)
                else:
                    self._fails(telling, attempt, "no_audio")
            case UtteranceFailed(reason=reason):
                self._fails(telling, attempt, reason)

    def _told_of_itself(self, index: int, fact: PartLost | PartRestored | PartFailed) -> None:
        match fact:
            case PartLost(reason=reason):
                self._leave(index, reason)
            case PartRestored():
                if index in self._lost and index == self._current:
                    self._emit(fact)
                self._lost.discard(index)
            case PartFailed(reason=reason):
                self._succession.refused(index)
                if self._succession.has_others(index):
                    self._leave(index, reason)
                else:
                    self._emit(fact)

    def _leave(self, index: int, reason: str) -> None:
        """This one says itself that it is broken: whatever it owes is asked of the next one at once."""
        if index == self._current and index not in self._lost:
            self._emit(PartLost("text_to_speech", reason))
        self._lost.add(index)
        self._succession.failed(index, reason, _now())
        for telling in list(self._tellings.values()):
            if any(attempt.index == index for attempt in telling.attempts):
                self._ask_next(telling, reason)

    def _fails(self, telling: Telling, attempt: Attempt, reason: str) -> None:
        """One cannot say it: if nobody else is at it already, or can be, it cannot be said."""
        self._succession.failed(attempt.index, reason, _now())
        if len(telling.attempts) == 1 and not self._ask_next(telling, ""):
            del self._tellings[telling.number]
            self._emit(UtteranceFailed(telling.number, reason))
        elif attempt in telling.attempts:
            telling.attempts.remove(attempt)

    # ------------------------------------------------------------ who speaks

    def _begin(self, telling: Telling) -> None:
        """The one in use, unless it is known to be broken and another one may not be."""
        index: int | None = self._current
        if self._current in self._lost or self._succession.is_refused(self._current):
            index = self._opened(self._lost | {self._current})
        telling.begin(self._current if index is None else index)

    def _ask_next(self, telling: Telling, reason: str) -> bool:
        """Let a voice that has not tried yet say the rest, beside the others. False when there is none."""
        index = self._opened(telling.tried)
        if index is None:
            return False
        if reason:
            for attempt in telling.attempts[:-1]:  # asked for help before, and silent since
                self._succession.failed(attempt.index, reason, _now())
        told = telling.begin(index)
        if told is not None:
            self._emit(told)
        voice, rest = self._voices[index], telling.rest_for(telling.attempts[-1])
        if rest:
            voice.say(telling.number, rest)
        if telling.is_finished:
            voice.finish(telling.number)
        return True

    def _opened(self, besides: set[int]) -> int | None:
        """The next one that is not among these, made and running."""
        while (index := self._succession.next(besides)) is not None:
            if index in self._voices:
                return index
            try:
                voice = self._speaks[index](partial(self._told, index))
            except ParleyError as error:
                _log.warning("voice_not_opened", reason=error.code)
                self._succession.refused(index)
                continue
            self._voices[index] = voice
            if self._tasks is not None:
                self._tasks.create_task(voice.run())
            return index
        return None

    def _goes_on_with(self, telling: Telling, attempt: Attempt) -> None:
        """It is heard: the others at this utterance fall silent, and what comes next is asked of it too."""
        if attempt.has_spoken and len(telling.attempts) == 1:
            return
        others = [one for one in telling.attempts if one is not attempt]
        self._drop(telling, others)
        if attempt.index == self._current:
            self._works(attempt.index)
            return
        before, self._current = self._current, attempt.index
        if any(one.index == before for one in others):
            self._succession.failed(before, "late", _now())
        _log.warning("voice_replaced", by=attempt.index)
        self._works(attempt.index)
        for waiting in list(self._tellings.values()):
            self._move(waiting, before)

    def _works(self, index: int) -> None:
        was_lost = index in self._lost
        self._lost.discard(index)
        if self._succession.succeeded(index):
            self._emit(PartReplaced("text_to_speech", "took_over"))
        elif was_lost:
            self._emit(PartRestored("text_to_speech"))

    def _move(self, telling: Telling, before: int) -> None:
        """What the one before was to say after this, and has said nothing of, is for the new one."""
        attempt = telling.attempt_of(before)
        if attempt is None or attempt.has_spoken or len(telling.attempts) > 1:
            return
        self._drop(telling, [attempt])
        telling.begin(self._current)
        self._voices[self._current].say(telling.number, telling.given)
        if telling.is_finished:
            self._voices[self._current].finish(telling.number)

    def _drop(self, telling: Telling, attempts: Sequence[Attempt]) -> None:
        for attempt in list(attempts):
            telling.attempts.remove(attempt)
            self._voices[attempt.index].cancel(telling.number)


def _has_sound(text: str) -> bool:
    """Whether a voice can be expected to make a sound of it: of dots and dashes alone none need."""
    return any(char.isalnum() for char in text)


def _now() -> float:
    return asyncio.get_running_loop().time()
