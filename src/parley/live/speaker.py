"""The agent's mouth: from the conversation's wishes over the voice to the phone, and back to what was truly heard."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from parley.audio.conversion import convert
from parley.audio.formats import MULAW_8K, AudioFormat
from parley.audio.playhead import Playhead
from parley.conversation.facts import (
    AnyFact,
    SpeechEnded,
    SpeechFailed,
    SpeechHeard,
    SpeechStarted,
    SpeechStarved,
    SpeechSynthesised,
)
from parley.conversation.lines import CLIP_TEXTS
from parley.conversation.wishes import Clip
from parley.live.clips import load_clip
from parley.live.keying import Keying
from parley.live.utterance import Utterance
from parley.providers.protocols import MediaLeg, SpokenAudio, UtteranceDone, UtteranceFailed, Voice, VoiceFact

# Audio goes ahead to the phone in pieces of this length, each confirmed by itself: short enough to know where playback
# is, long enough to cost little.
_PIECE_MS = 200
# A human's voice comes in real time. What is so far ahead came in a burst, and the caller should not lag behind it.
_RELAYED_AHEAD_S = 2.0


class Speaker:
    """Plays utterances one after the other. All audio that exists is sent ahead: a stall here is no gap at the phone.

    What is kept: the audio of utterances that are not over, so its bound is the longest reply. Facts go to `emit`.
    """

    def __init__(self, voice: Voice, audio_format: AudioFormat, emit: Callable[[AnyFact], None]) -> None:
        self._voice = voice
        self._format = audio_format
        self._emit = emit
        self._queue: deque[Utterance] = deque()
        self._leg: MediaLeg | None = None
        self._is_held = False
        self._playhead = Playhead(audio_format)
        # What is at the phone: where each piece ends there, whose it is, where it ends in that utterance, its size.
        self._segments: deque[tuple[int, Utterance, int, int]] = deque()
        self._reported: dict[int, int] = {}
        self._keying = Keying(audio_format)

    # ------------------------------------------------------------ the phone

    def attach(self, leg: MediaLeg, now: float) -> None:
        """Play to this phone from here on; what another one had not played is played again."""
        self._rewind(now, is_lost=True)
        self._leg = leg
        self._playhead = Playhead(self._format)
        self._pump(now)

    def detach(self, now: float) -> None:
        """The phone's socket is gone. What it had not played is kept."""
        self._rewind(now, is_lost=True)
        self._leg = None

    def played(self, position: int, now: float) -> None:
        """The phone confirmed audio up to `position` of this leg, counted since the last flush."""
        self._playhead.confirmed(position, now)
        self.progress(now)
        self._tell_if_starved()

    def tick(self, now: float) -> None:
        """Time passes: a phone that returns no marks is taken to have played what it was sent."""
        if self._playhead.overdue(now):
            self.progress(now)
            self._tell_if_starved()

    def at_phone(self) -> tuple[bytes, int]:
        """What was sent and is not known to be played, and the position (bytes since the last flush) it begins at."""
        audio = b"".join(bytes(of.audio[end - size : end]) for _, of, end, size in self._segments)
        return audio, self._playhead.sent_bytes - len(audio)

    def has_played_all(self, now: float) -> bool:
        """Whether the phone should have nothing left to play by now."""
        return self._playhead.end_time() <= now

    def relay(self, audio: bytes, now: float) -> bool:
        """Play a human's voice as it comes. False: dropped, since more than two seconds of it wait at the phone.

        While a line of the agent is not over, which the human has asked for, nothing is played between its pieces.
        """
        leg, is_busy = self._leg, bool(self._queue) or self._keying.is_busy
        if leg is None or self._is_held or is_busy or self._playhead.end_time() - now > _RELAYED_AHEAD_S:
            return False
        human = Utterance(0, self._format)
        human.add(audio, "", ())
        human.is_done = True
        self._play(human, audio, leg, now)
        return True

    @property
    def is_held(self) -> bool:
        """Whether it keeps silent, by `hold`, until `resume`."""
        return self._is_held

    # ------------------------------------------------------------ wishes

    def say(self, number: int, text: str) -> None:
        utterance = self._find(number) or self._open(number)
        utterance.say(text)
        self._voice.say(number, text)
        self._tell_if_starved()

    def hold_back(self, number: int) -> None:
        """Have what is said of this utterance synthesised, and play none of it before `let_out`."""
        (self._find(number) or self._open(number)).is_held_back = True

    def let_out(self, number: int, now: float) -> None:
        utterance = self._find(number)
        if utterance is not None:
            utterance.is_held_back = False
            self._pump(now)
            self._tell_if_starved()

    def finish(self, number: int) -> None:
        utterance = self._find(number)
        if utterance is not None:
            utterance.was_finished = True
        self._voice.finish(number)
        self._tell_if_starved()

    def play_clip(self, number: int, clip: Clip, now: float) -> None:
        """Queue a recording in front of an utterance that has no sound yet, behind one that has."""
        self.play_sound(number, convert(load_clip(clip), MULAW_8K, self._format), now, text=CLIP_TEXTS[clip])

    def play_sound(self, number: int, audio: bytes, now: float, *, text: str = "") -> None:
        """Queue ready audio likewise; `text` is what it says, where it is speech."""
        utterance = Utterance(number, self._format)
        utterance.add(audio, "", ())
        utterance.text, utterance.is_done, utterance.was_finished = text, True, True
        place = len(self._queue)
        while place > 0 and not self._queue[place - 1].audio:
            place -= 1
        self._queue.insert(place, utterance)
        self._pump(now)

    def press(self, digits: str, now: float) -> None:
        """Send keys as tones: at once, or behind the words so far of what can be heard already."""
        self._keying.add(digits, next((one for one in self._queue if one.sent or one.heard), None))
        self._pump(now)

    def retry(self, number: int) -> None:
        self._voice.retry(number)

    def hold(self, now: float) -> None:
        """Silence at once; everything unheard is kept. Only `resume` ends it."""
        self._is_held = True
        self._rewind(now)

    def resume(self, now: float) -> None:
        self._is_held = False
        self._pump(now)
        self._tell_if_starved()

    def stop(self, number: int, now: float) -> None:
        """Silence at once and forget this utterance. One that is not at the phone yet interrupts nothing there."""
        self._voice.cancel(number)
        if self._find(number) is None:
            return
        if any(of.number == number for _, of, _, _ in self._segments):
            self._rewind(now)
        utterance = self._find(number)
        if utterance is not None:
            self._forget(utterance)
        self._pump(now)

    # ------------------------------------------------------------ the voice

    def hear_voice(self, fact: VoiceFact, now: float) -> bool:
        """What the voice tells. False where it is not about what it says, but about the voice itself."""
        if isinstance(fact, SpokenAudio):
            self.take(fact, now)
        elif isinstance(fact, UtteranceDone):
            self.done(fact, now)
        elif isinstance(fact, UtteranceFailed):
            self.failed(fact.utterance, fact.reason)
        else:
            return False
        return True

    def take(self, spoken: SpokenAudio, now: float) -> None:
        utterance = self._find(spoken.utterance)
        if utterance is None or utterance.is_done:
            return
        if not utterance.audio and utterance.number:
            self._emit(SpeechSynthesised(utterance.number))
        utterance.add(spoken.audio, spoken.chars, spoken.char_end_ms)
        if utterance.is_endless:
            self._voice.cancel(utterance.number)
            utterance.is_done = True
        self._pump(now)

    def done(self, done: UtteranceDone, now: float) -> None:
        utterance = self._find(done.utterance)
        if utterance is not None:
            utterance.is_done = True
            self._pump(now)
            self.progress(now)

    def failed(self, number: int, reason: str) -> None:
        if self._find(number) is not None:
            self._emit(SpeechFailed(number, reason))

    # ------------------------------------------------------------ truth

    def progress(self, now: float) -> None:
        """Tell how far the phone has played, as far as is known at `now`."""
        self._follow(self._playhead.position(now))
        self._settle()
        self._pump(now)

    def _settle(self) -> None:
        """Tell what was heard of each utterance, and which of them are over."""
        self._keying.settle()
        for utterance in list(self._queue):
            if utterance.number:
                self._report(utterance)
            if utterance not in self._queue:  # what was just told has had it stopped
                continue
            if not utterance.is_over:
                break
            self._forget(utterance)
            if utterance.number:
                self._emit(SpeechEnded(utterance.number))

    def _forget(self, utterance: Utterance) -> None:
        self._queue.remove(utterance)
        self._reported.pop(utterance.number, None)

    def _tell_if_starved(self) -> None:
        """The phone has played all there is, and the voice owes more: nothing will tell of it later."""
        if self._leg is None or self._is_held or not self._queue or not self._playhead.is_empty:
            return
        head = self._queue[0]
        if not head.is_held_back and head.owes_audio and head.sent >= len(head.audio) > 0:
            self._emit(SpeechStarved(head.number))

    def _report(self, utterance: Utterance) -> None:
        chars = utterance.chars_heard()
        if chars > self._reported.get(utterance.number, 0):
            began_ago_s = utterance.heard_for_s() if utterance.number not in self._reported else 0.0
            self._reported[utterance.number] = chars
            self._emit(SpeechHeard(utterance.number, chars, began_ago_s))

    def _follow(self, position: int) -> None:
        """Spread the phone's position over the utterances whose audio it was sent."""
        while self._segments:
            end, utterance, own_end, _ = self._segments[0]
            utterance.heard = max(utterance.heard, own_end - max(end - position, 0))
            if end > position:
                break
            self._segments.popleft()

    def _rewind(self, now: float, *, is_lost: bool = False) -> None:
        """Take back from the phone what it has not played; tones are played to their end, unless the phone is lost."""
        if self._keying.sounding is not None and not is_lost:
            self._follow(self._playhead.position(now))
        elif self._playhead.is_empty:
            self._segments.clear()
        else:
            self._follow(self._playhead.flushed(now))
            self._segments.clear()
            if self._leg is not None:
                self._leg.flush()
            for utterance in self._queue:
                utterance.rewind()
        self._settle()
        if is_lost:
            self._keying.take_back()

    def _pump(self, now: float) -> None:
        """Send ahead all audio there is, in order; the next utterance follows once the one before it is complete."""
        if self._leg is None or self._press_next(self._leg, now) or self._is_held:
            return
        for utterance in self._queue:
            if utterance.is_held_back:
                break
            limit = self._keying.limit(utterance)
            end = len(utterance.audio) if limit is None else limit
            if utterance.sent < end:
                self._send(utterance, end, self._leg, now)
            if limit is not None or not utterance.is_done:
                break

    def _press_next(self, leg: MediaLeg, now: float) -> bool:
        """Whether tones have the phone, or are to have it next; they begin when it has nothing else to play."""
        press = self._keying.next(self._queue)
        if press is not None and self._playhead.is_empty:
            self._keying.begin()
            for piece in press.pieces():
                self._play(press.tones, piece, leg, now)
        return press is not None or self._keying.sounding is not None

    def _send(self, utterance: Utterance, end: int, leg: MediaLeg, now: float) -> None:
        if utterance.sent == 0 and utterance.heard == 0 and utterance.number:
            self._emit(SpeechStarted(utterance.number))
        piece_bytes = self._format.bytes_in(_PIECE_MS)
        while utterance.sent < end:
            piece = bytes(utterance.audio[utterance.sent : min(utterance.sent + piece_bytes, end)])
            self._play(utterance, piece, leg, now)

    def _play(self, utterance: Utterance, piece: bytes, leg: MediaLeg, now: float) -> None:
        utterance.sent += len(piece)
        leg.play(piece)
        self._playhead.sent(len(piece), now)
        self._segments.append((self._playhead.sent_bytes, utterance, utterance.sent, len(piece)))

    def _find(self, number: int) -> Utterance | None:
        return next((one for one in self._queue if one.number == number), None)

    def _open(self, number: int) -> Utterance:
        utterance = Utterance(number, self._format)
        self._queue.append(utterance)
        return utterance
