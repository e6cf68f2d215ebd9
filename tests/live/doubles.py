"""A voice and a phone for the speaker's tests: the voice says what it is told, the phone plays in call time."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from parley.audio.formats import MULAW_8K
from parley.providers.protocols import SpokenAudio, UtteranceDone

BYTES_PER_CHAR = 400  # 50 ms a character


class ScriptedVoice:
    """Remembers what it was told; `speak` turns text into audio of 50 ms a character, perfectly aligned."""

    def __init__(self) -> None:
        self.text: dict[int, str] = {}
        self.finished: set[int] = set()
        self.cancelled: list[int] = []
        self.retried: list[int] = []

    async def run(self) -> None: ...

    def say(self, utterance: int, text: str) -> None:
        self.text[utterance] = self.text.get(utterance, "") + text

    def finish(self, utterance: int) -> None:
        self.finished.add(utterance)

    def cancel(self, utterance: int) -> None:
        self.cancelled.append(utterance)

    def retry(self, utterance: int) -> None:
        self.retried.append(utterance)

    def close(self) -> None: ...


def spoken(utterance: int, text: str, *, aligned: bool = True) -> SpokenAudio:
    """Audio of `text` in which each byte of a character is that character's code (modulo 255), to tell it apart."""
    audio = b"".join(bytes([ord(char) % 255]) * BYTES_PER_CHAR for char in text)
    ends = tuple((place + 1) * 50.0 for place in range(len(text))) if aligned else ()
    return SpokenAudio(utterance, audio, text if aligned else "", ends)


def done(utterance: int) -> UtteranceDone:
    return UtteranceDone(utterance)


class PlayingPhone:
    """A leg that plays 8 bytes a millisecond from the moment audio comes; marks are confirmed when played."""

    audio_format = MULAW_8K

    def __init__(self, confirm: Callable[[int, float], None]) -> None:
        self._confirm = confirm
        self._queue: list[bytes] = []
        self._position = 0
        self._into = 0
        self.now = 0.0
        self.played = bytearray()
        self.flushes = 0
        self.is_closed = False
        self._broken_off_at = [0]

    def play(self, audio: bytes) -> None:
        self._queue.append(audio)

    def flush(self) -> None:
        self._queue.clear()
        self._position = self._into = 0
        self.flushes += 1
        self._broken_off_at.append(len(self.played))

    def words(self, *, keeps_broken: bool = False) -> list[str]:
        """Words of `spoken` audio that were played from their first to their last byte. Other audio makes no sense.

        One that was broken off is taken to be said again from its beginning, unless `keeps_broken`.
        """
        text = ""
        for start, end in pairwise([*self._broken_off_at, len(self.played)]):
            whole = range(start, end - BYTES_PER_CHAR + 1, BYTES_PER_CHAR)
            stretch = "".join(chr(self.played[at]) for at in whole)
            if stretch and not stretch.startswith(" "):  # the word before was broken off
                text = f"{text} " if keeps_broken else text[: text.rfind(" ") + 1]
            text += stretch
        return text.split()

    def close(self) -> None:
        self.is_closed = True

    def let_pass(self, seconds: float) -> None:
        """Play on for this long, 20 ms at a time, confirming each piece when its last byte was played."""
        for _ in range(round(seconds / 0.02)):
            self.now += 0.02
            left = 160
            while left and self._queue:
                piece = self._queue[0][self._into : self._into + left]
                self.played += piece
                self._into += len(piece)
                left -= len(piece)
                if self._into >= len(self._queue[0]):
                    self._position += len(self._queue.pop(0))
                    self._into = 0
                    self._confirm(self._position, self.now)
