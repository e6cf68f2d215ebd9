"""Music wherever nothing is said: it lies under the speaker, on the way to the phone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from parley.audio.formats import AudioFormat
from parley.audio.music import PIECE_S
from parley.live.speaker import Speaker
from parley.providers.protocols import MediaLeg

# So much music lies at the phone at most: enough for a busy process to come back to it in time, and little enough that
# speech in its place costs nothing.
LEAD_S = 2.5
_ROUNDING = 1e-6


class MusicBed:
    """To the speaker a `MediaLeg`, to the session's side of a leg the whole mouth. `pieces` last a second each.

    Speech drops the music that the phone has not played and is counted as if there had never been any, so what the
    speaker knows of its own words stays exact. Without pieces it passes everything on.
    """

    def __init__(
        self, audio_format: AudioFormat, pieces: Sequence[bytes], speaker: Speaker, clock: Callable[[], float]
    ) -> None:
        self.audio_format = audio_format
        self._pieces = pieces
        self._speaker = speaker
        self._clock = clock
        self._leg: MediaLeg | None = None
        self._is_playing = False  # music, that is
        self._next = 0
        self._covered_until = 0.0
        self._said = 0  # bytes of speech since the speaker's last flush
        self._said_before = 0  # those of them that lie before the leg's own position 0

    # ------------------------------------------------------------ the phone

    def attach(self, leg: MediaLeg, now: float) -> None:
        """Play to this phone from here on; music that played goes on."""
        was_playing = self._is_playing
        if was_playing:
            self._rewind()
        self._leg = leg
        self._said = self._said_before = 0
        self._speaker.attach(self, now)
        if was_playing and not self._said:
            self.start()

    def detach(self, now: float) -> None:
        self._speaker.detach(now)
        self._leg = None

    def played(self, position: int, now: float) -> None:
        """The phone confirmed audio of its leg."""
        if self._is_playing:
            self.tick(now)
        else:
            self._speaker.played(self._said_before + position, now)

    def progress(self, now: float) -> None:
        """Settle how much of what was said has been heard."""
        if not self._is_playing:
            self._speaker.progress(now)

    def tick(self, now: float) -> None:
        """Time passes: keep a little music ahead."""
        if not self._is_playing:
            self._speaker.tick(now)
            return
        while self._leg is not None and self._covered_until - now < LEAD_S:
            self._leg.play(self._pieces[self._next])
            self._next = (self._next + 1) % len(self._pieces)
            self._covered_until = max(self._covered_until, now) + PIECE_S

    # ------------------------------------------------------------ music

    def start(self) -> None:
        """Play music until something is said. What was said has been heard, or is to be forgotten."""
        if self._is_playing or not self._pieces:
            return
        self._is_playing = True
        self._covered_until = self._clock()
        self.tick(self._covered_until)

    def _make_way(self, leg: MediaLeg) -> None:
        """Drop the music that was not heard; later it goes on from there."""
        self._rewind()
        leg.flush()
        self._said_before = self._said

    def _rewind(self) -> None:
        """To the beginning of the piece that the phone was playing."""
        unheard = math.ceil(max(self._covered_until - self._clock(), 0.0) / PIECE_S - _ROUNDING)
        self._next = (self._next - unheard) % len(self._pieces)
        self._is_playing = False

    # ------------------------------------------------------------ what the speaker sees

    def play(self, audio: bytes) -> None:
        if self._leg is None:
            return
        if self._is_playing:
            self._make_way(self._leg)
        self._leg.play(audio)
        self._said += len(audio)

    def flush(self) -> None:
        self._said = self._said_before = 0
        if self._leg is not None and not self._is_playing:
            self._leg.flush()

    def close(self) -> None:
        if self._leg is not None:
            self._leg.close()
