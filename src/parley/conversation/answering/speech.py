"""The agent's side: the lines it is saying or about to say, and how text becomes pieces for the voice."""

from __future__ import annotations

import msgspec

from parley.conversation.answering.phrasing import Phraser
from parley.conversation.answering.speakable import Speakable
from parley.conversation.ledger import Line, LineKind, Row
from parley.conversation.lines import CLIP_TEXTS
from parley.conversation.shared import Shared
from parley.conversation.states import AGENT_MOVES, Agent
from parley.conversation.wishes import (
    CancelReason,
    CancelReply,
    Clip,
    EndCall,
    FinishSaying,
    HoldBack,
    HoldSpeech,
    PlayClip,
    ResumeSpeech,
    Say,
    StopSpeech,
    TransferTo,
)

_SPEAKING_CHARS_PER_S = 12.0
_FAST_CHARS_PER_S = 18.0


class Pressed(msgspec.Struct, frozen=True):
    """Keys that a line wants pressed, behind its first `chars` characters: ordered when, and how long they take."""

    chars: int
    at: float
    for_s: float


class Active(msgspec.Struct):
    """A line that is not over: still being generated, spoken or waited for.

    With `leave` it is the last one: when it was heard, the call ends or is handed over. `is_heard_out`: it was heard,
    and only waits for what the sound of a caller into it turns out to be. `keys` are how many it wanted pressed.
    """

    line: Line
    row: Row
    speakable: Speakable
    phraser: Phraser
    leave: EndCall | TransferTo | None = None
    is_asked: bool = False
    retries: int = 0
    voice_retries: int = 0
    owes_audio: bool = False
    ends_open: bool = False
    has_acted: bool = False
    protected_chars: int = 0
    is_heard_out: bool = False
    pressed: Pressed | None = None
    keys: int = 0

    @property
    def is_protected(self) -> bool:
        """Whether words are still to be heard of it that no caller cuts. An answer nobody began to hear has none: it
        may have come too early."""
        began = self.line.first_audio_at is not None or not self.is_asked
        return began and self.line.heard < self.protected_chars

    @property
    def is_wholly_heard(self) -> bool:
        """Whether no word of it is left to be heard, or to come."""
        return self.line.is_complete and self.line.heard >= len(self.line.text.rstrip())

    @property
    def has_words(self) -> bool:
        """Whether anything of it was, or may still be, given to the voice."""
        return bool(self.line.text) or self.phraser.waiting


class SpeechSide:
    """Numbers the lines and keeps the agent's state. Wishes go to the shared `out` list, in order.

    `candidate` is a line that may become the answer to a turn that is not over yet: the voice prepares it, and nobody
    hears it.
    """

    def __init__(self, shared: Shared) -> None:
        self.state = Agent.LISTENING
        self.active: list[Active] = []
        self.candidate: Active | None = None
        self.has_phone = False
        self._rules = shared.rules
        self._deadlines = shared.deadlines
        self._out = shared.out
        self._last_number = 0
        self._held_line = 0

    @property
    def head(self) -> Active | None:
        """The line that is being heard, else the one that will be next: a clip may overtake an answer."""
        audible = [active for active in self.active if active.line.first_audio_at is not None]
        if audible:
            return min(audible, key=lambda active: active.line.first_audio_at or 0.0)
        return self.active[0] if self.active else None

    @property
    def is_protected(self) -> bool:
        """Whether the caller can neither silence nor cut what is being said."""
        head = self.head
        return head is not None and head.is_protected

    @property
    def is_leaving(self) -> bool:
        """Whether the last words of the call are being said, or are about to be; a caller may still talk them away."""
        is_going = self.state in (Agent.HANDING_OVER, Agent.LEAVING, Agent.GONE)
        return is_going or any(active.leave is not None for active in self.active)

    @property
    def is_audible(self) -> bool:
        """Whether audio of any open line has left for the phone."""
        return any(active.line.first_audio_at is not None for active in self.active)

    def is_in_line(self, active: Active) -> bool:
        """Whether the line has no sound because another one, whose sound is not complete yet, comes first."""
        if active.line.first_audio_at is not None:
            return False
        return any(one.line.first_audio_at is not None and one.line.kind != "clip" for one in self.active)

    # ------------------------------------------------------------ lines

    def open(self, row: Row, kind: LineKind, *, leave: EndCall | TransferTo | None = None) -> Active:
        """Begin a line behind those that are not over yet."""
        active = self.prepare(row, kind)
        active.leave = leave
        self.join(active, row)
        return active

    def prepare(self, row: Row, kind: LineKind) -> Active:
        """A line with a number of its own that is not part of the call yet."""
        line = Line(number=self.take_number(), kind=kind)
        return Active(line=line, row=row, speakable=Speakable(), phraser=Phraser())

    def take_number(self) -> int:
        """A number that no line has."""
        self._last_number += 1
        return self._last_number

    def join(self, active: Active, row: Row) -> None:
        """The line belongs to this row from here on, and comes behind those that are not over yet."""
        active.row = row
        row.lines.append(active.line)
        self.active.append(active)

    def find(self, number: int) -> Active | None:
        """The line of that number, unless it is over: whatever bears an old number is dropped here."""
        return next((active for active in self.active if active.line.number == number), None)

    def say_whole(self, row: Row, kind: LineKind, text: str, *, leave: EndCall | TransferTo | None = None) -> Active:
        """Say one complete sentence of the agent's own."""
        active = self.open(row, kind, leave=leave)
        self._say(active, text)
        self.complete(active)
        return active

    def play_clip(self, row: Row, clip: Clip, now: float, *, leave: EndCall | TransferTo | None = None) -> Active:
        """Play a recorded sentence; it needs no provider, so nothing watches over it but the goodbye's limit."""
        active = self.open(row, "clip", leave=leave)
        active.line.text, active.line.is_complete = CLIP_TEXTS[clip], True
        self._out.append(PlayClip(active.line.number, clip))
        if leave is not None:
            self.protect_goodbye(now)
        return active

    def add_text(self, active: Active, text: str, now: float, *, is_whole: bool, is_protected: bool = False) -> None:
        """Take generated text: what may be spoken goes to the voice in pieces, the rest is never heard."""
        if active.line.first_text_at is None:
            active.line.first_text_at = now
        speakable = active.speakable.feed(text)
        if is_whole and active.line.text[-1:].isspace():
            speakable = speakable.lstrip(" ")
        if speakable:
            piece = active.phraser.feed(speakable)
            if piece:
                self._deadlines.clear("phrase")  # that was for words which have gone; later ones have their own time
            self._say(active, piece)
        if is_whole:
            self._say(active, active.phraser.flush())
            active.ends_open = bool(active.line.text) and not active.line.text[-1].isspace()
        if is_protected:
            self.protect(active)
        self._arm_phrase(active, now)

    def protect(self, active: Active) -> None:
        """What was given to the voice of the line so far is heard to its end."""
        active.protected_chars = len(active.line.text.rstrip())

    def start_over(self, active: Active) -> None:
        """The text will come anew from its beginning: forget what came of it. Nothing of it was spoken."""
        active.speakable, active.phraser = Speakable(), Phraser()
        active.line.first_text_at = active.line.first_clause_at = None

    def phrase_due(self, now: float) -> None:
        """Held-back words have waited long enough; a chunk's last word, which the voice holds back, is a whole one."""
        for active in self.active if self.candidate is None else (*self.active, self.candidate):
            if active.phraser.waiting:
                self._say(active, active.phraser.flush_words())
                self._arm_phrase(active, now)
            elif active.ends_open and not active.line.is_complete:
                active.ends_open = False
                self._say(active, " ")

    def complete(self, active: Active) -> None:
        """No more text will come. Tells the voice, if it was given anything."""
        if active.line.is_complete:
            return
        rest = active.speakable.finish()
        self._say(active, active.phraser.feed(rest) if rest else "")
        self._say(active, active.phraser.flush())
        active.line.is_complete = True
        if active.line.text:
            self._out.append(FinishSaying(active.line.number))

    def _say(self, active: Active, piece: str) -> None:
        if not piece or not (piece.strip() or active.line.text):
            return
        if active is self.candidate and not active.line.text:
            self._out.append(HoldBack(active.line.number))
        active.line.text += piece
        self._out.append(Say(active.line.number, piece))

    def date_first_words(self, now: float) -> None:
        """After every step: remember when the first words of a line went to the voice."""
        for active in self.active if self.candidate is None else (*self.active, self.candidate):
            if active.line.text and active.line.first_clause_at is None:
                active.line.first_clause_at = now

    def _arm_phrase(self, active: Active, now: float) -> None:
        if active.ends_open and not active.phraser.waiting:
            self._deadlines.set("phrase", now + self._rules.chunk_pause_s)
        elif not active.phraser.waiting:
            self._deadlines.clear("phrase")
        elif "phrase" not in self._deadlines:
            self._deadlines.set("phrase", self._piece_due(active, now))

    def _piece_due(self, active: Active, now: float) -> float:
        """When the held-back words must go: the first soon, later ones before the voice runs out of what it has."""
        if not active.phraser.began or active.line.first_text_at is None:
            return now + self._rules.first_piece_s
        spoken_until = active.line.first_text_at + len(active.line.text) / _FAST_CHARS_PER_S
        due = spoken_until - self._rules.runway_s
        return min(max(due, now + self._rules.first_piece_s), now + self._rules.next_piece_s)

    # ------------------------------------------------------------ silence and sound

    def hold(self, now: float) -> None:
        """Fall silent at once, and forget nothing yet."""
        self.move(Agent.HELD)
        self._deadlines.set("held", now + self._rules.held_limit_s)
        self._deadlines.clear("speech", "goodbye")

    def resume(self, now: float) -> None:
        """Nothing spoke against going on."""
        if not self.active:
            self.move(Agent.LISTENING)
        else:
            self.move(Agent.SPEAKING if self.is_audible else Agent.THINKING)
        self.expect_goodbye(now)

    def cut(self, reason: CancelReason = "stopped", *, spares_protected: bool = False) -> None:
        """Everything that is not over is over now, heard as far as it was heard. What is protected may be spared."""
        spared = [active for active in self.active if spares_protected and active.is_protected]
        for active in self.active:
            if any(active is one for one in spared):
                continue
            if active.line.text:
                self._out.append(StopSpeech(active.line.number))
            if active.is_asked:
                self._out.append(CancelReply(active.line.number, active.line.heard_text, reason))
        self.active[:] = spared
        if not spared:
            self._deadlines.clear("phrase", "speech", "stall", "reply_retry", "bridge", "reply_limit", "goodbye")

    def drop(self, active: Active) -> None:
        """This line is over."""
        self.active.remove(active)

    def keep(self, active: Active) -> None:
        """This last line is not over yet, even if its voice failed: something that follows it is waited for."""
        if not any(one is active for one in self.active):
            self.active.append(active)

    # ------------------------------------------------------------ leaving

    def protect_goodbye(self, now: float) -> None:
        """From here on nothing interrupts: when the last words were heard, or should have been, the call ends."""
        self.move(Agent.LEAVING)
        self.expect_goodbye(now)

    def expect_goodbye(self, now: float) -> None:
        """Where the last words of the call are being said: end it even if nothing tells that they were heard."""
        upto = next((at for at, active in enumerate(self.active, start=1) if active.leave is not None), 0)
        if not upto or self.state is Agent.HELD:
            self._deadlines.clear("goodbye")
            return
        leaving = self.active[upto - 1]
        left = sum(max(len(active.line.text) - active.line.heard, 0) for active in self.active[:upto])
        if leaving.is_heard_out:
            self._deadlines.set("goodbye", now)
        elif left or leaving.line.heard or self.state is Agent.LEAVING:
            # one without a word yet is looked after like any answer, unless the call is over its time
            self._deadlines.set("goodbye", now + left / _SPEAKING_CHARS_PER_S + self._rules.goodbye_margin_s)

    def give_back(self) -> None:
        """The human who spoke in the agent's place does so no more."""
        assert self.state is Agent.TAKEN_OVER
        self.state = Agent.LISTENING
        if self.active:
            self.move(Agent.SPEAKING if self.is_audible else Agent.THINKING)

    def take_back(self) -> None:
        """Nobody took the caller whom the agent was handing over."""
        assert self.state is Agent.HANDING_OVER
        self.state = Agent.LISTENING

    def move(self, to: Agent) -> None:
        """Go on to a state: the only place where the voice is held and let go, so that it is silent while HELD.

        Nothing the agent does by itself ends its leaving, its handing the caller over, or a human's speaking in its
        place.
        """
        if to is self.state or (self.state is Agent.LEAVING and to not in (Agent.HANDING_OVER, Agent.GONE)):
            return
        if self.state is Agent.HANDING_OVER and to not in (Agent.LEAVING, Agent.GONE):
            return
        if self.state is Agent.TAKEN_OVER and to not in (Agent.LEAVING, Agent.GONE):
            return
        assert to in AGENT_MOVES[self.state], f"agent: {self.state} -> {to}"
        was, self.state = self.state, to
        if to is Agent.HELD:
            self._held_line = self.active[0].line.number if self.active else 0
            self._out.append(HoldSpeech(self._held_line))
        elif was is Agent.HELD:
            self._deadlines.clear("held", "false_alarm")
            self._out.append(ResumeSpeech(self._held_line))
