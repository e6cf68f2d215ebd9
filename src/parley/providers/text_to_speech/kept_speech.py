"""Sentences that an agent says in every call are synthesised once: the greeting is there when the phone is.

What was said twice within a while in one voice, as a whole line, is kept in memory and played from there the next time;
what is said once (an answer, most of the time) is not. Nothing is kept of a line that failed, was tried again or was
cut short, or that another voice than the agent's own has spoken.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable

import msgspec

from parley.conversation.facts import PartReplaced
from parley.providers.protocols import SpokenAudio, UtteranceDone, UtteranceFailed, Voice, VoiceFact

Emit = Callable[[VoiceFact | PartReplaced], None]
Key = tuple[Hashable, ...]
_Line = tuple[SpokenAudio, ...]


class SpeechShelf:
    """Lines of speech by what was to be said in which voice; one for all calls of a process.

    At most `most_bytes` of audio, the least lately used goes first; nothing stays longer than `for_s`, because a voice
    may be changed at its vendor. `seen` are the lines that were asked for once. Times are of any one clock.
    """

    def __init__(self, most_bytes: int = 32_000_000, for_s: float = 6 * 3600.0, most_seen: int = 4096) -> None:
        self._lines: OrderedDict[Key, tuple[_Line, int, float]] = OrderedDict()
        self._seen: OrderedDict[Key, None] = OrderedDict()
        self._most_bytes = most_bytes
        self._most_seen = most_seen
        self._for_s = for_s
        self.held_bytes = 0

    def find(self, key: Key, now: float) -> _Line | None:
        """The line, if it is here and not too old."""
        found = self._lines.get(key)
        if found is None:
            return None
        line, _, until = found
        if now >= until:
            self._drop(key)
            return None
        self._lines.move_to_end(key)
        return line

    def is_wanted(self, key: Key) -> bool:
        """Whether the line was asked for before, so that it is worth keeping; it is remembered now that it was."""
        if key in self._seen:
            self._seen.move_to_end(key)
            return True
        self._seen[key] = None
        if len(self._seen) > self._most_seen:
            self._seen.popitem(last=False)
        return False

    def put(self, key: Key, line: _Line, now: float) -> None:
        """Keep a whole line, in place of an older one."""
        size = sum(len(piece.audio) for piece in line)
        if not size or size > self._most_bytes // 8:
            return
        if key in self._lines:
            self._drop(key)
        self._lines[key] = (line, size, now + self._for_s)
        self.held_bytes += size
        while self.held_bytes > self._most_bytes:
            self._drop(next(iter(self._lines)))

    def _drop(self, key: Key) -> None:
        self.held_bytes -= self._lines.pop(key)[1]


class KeptSpeech:
    """A voice (`Voice`) that looks on the shelf before it asks the one behind it.

    `of` is all that makes this voice sound as it does, and whose it is. A line is known to be whole when it is finished
    in the same turn of the event loop in which it began; whatever comes in pieces goes on at once.
    """

    def __init__(self, shelf: SpeechShelf, of: Key, emit: Emit) -> None:
        self._shelf = shelf
        self._of = of
        self._emit = emit
        self._voice: Voice | None = None
        self._is_own = True
        self._fresh: dict[int, str] = {}  # said this moment, and not passed on yet
        self._kept: dict[int, asyncio.Handle] = {}  # played from the shelf
        self._written: dict[int, tuple[Key, list[SpokenAudio]]] = {}  # on their way to the shelf
        self._passed_until = 0  # numbers up to this one have begun, and go on where they went
        self._loop = asyncio.get_running_loop()

    def before(self, voice: Voice) -> KeptSpeech:
        """Stand before this voice, whose facts go to `told`."""
        self._voice = voice
        return self

    @property
    def _behind(self) -> Voice:
        assert self._voice is not None, "a voice stands behind it from the beginning"
        return self._voice

    async def run(self) -> None:
        await self._behind.run()

    def close(self) -> None:
        for handle in self._kept.values():
            handle.cancel()
        self._fresh.clear()
        self._written.clear()
        self._behind.close()

    def say(self, utterance: int, text: str) -> None:
        if utterance in self._kept:
            return
        if utterance in self._fresh:
            self._fresh[utterance] += text
        elif self._is_own and utterance > self._passed_until:
            self._fresh[utterance] = text
            self._loop.call_soon(self._pass_on, utterance)
        else:
            self._behind.say(utterance, text)

    def finish(self, utterance: int) -> None:
        text = self._fresh.pop(utterance, None)
        if utterance in self._kept:
            return
        if text is None:
            self._behind.finish(utterance)
            return
        key = (*self._of, text)
        line = self._shelf.find(key, self._loop.time())
        if line is not None:
            self._kept[utterance] = self._loop.call_soon(self._play, utterance, line)
            return
        if self._shelf.is_wanted(key):
            self._written[utterance] = (key, [])
        self._behind.say(utterance, text)
        self._behind.finish(utterance)

    def cancel(self, utterance: int) -> None:
        self._fresh.pop(utterance, None)
        self._written.pop(utterance, None)
        handle = self._kept.pop(utterance, None)
        if handle is not None:
            handle.cancel()
        else:
            self._behind.cancel(utterance)

    def retry(self, utterance: int) -> None:
        self._written.pop(utterance, None)
        if utterance not in self._kept:
            self._pass_on(utterance)
            self._behind.retry(utterance)

    def told(self, fact: VoiceFact | PartReplaced) -> None:
        """What the voice behind says; whole lines that are wanted go on the shelf on their way."""
        if isinstance(fact, SpokenAudio):
            if fact.utterance in self._written:
                self._written[fact.utterance][1].append(fact)
        elif isinstance(fact, UtteranceDone):
            key, pieces = self._written.pop(fact.utterance, ((), []))
            if pieces:
                self._shelf.put(key, tuple(pieces), self._loop.time())
        elif isinstance(fact, UtteranceFailed):
            self._written.pop(fact.utterance, None)
        elif isinstance(fact, PartReplaced):
            self._is_own = False
            self._written.clear()
        self._emit(fact)

    def _pass_on(self, utterance: int) -> None:
        """It was not finished at once: it goes its way like all that comes in pieces."""
        self._passed_until = max(self._passed_until, utterance)
        text = self._fresh.pop(utterance, None)
        if text is not None:
            self._behind.say(utterance, text)

    def _play(self, utterance: int, line: _Line) -> None:
        for piece in line:
            self._emit(msgspec.structs.replace(piece, utterance=utterance))
        self._kept.pop(utterance, None)
        self._emit(UtteranceDone(utterance))
