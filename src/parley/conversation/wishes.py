"""What the conversation wants done. The driver fulfils wishes in order and never asks why."""

from __future__ import annotations

from typing import Literal

import msgspec

CancelReason = Literal["stopped", "interrupted", "caller_went_on", "failed", "call_over"]
Clip = Literal["one_moment", "apology", "cannot_hear", "handing_over", "farewell"]


class Wish(msgspec.Struct, frozen=True, tag=True):
    """Base of all wishes; the tag is the class name, so a journal line says what it is."""


class AskReply(Wish, frozen=True):
    """Ask the responder for reply `reply` to what the caller said. The history is read from the conversation.

    `turn` numbers the caller's turn: the same number again, with more text, replaces the earlier asking. An `is_early`
    asking comes before the turn is known to be over, and its words are not in the history yet: ConfirmReply or
    CancelReply follows. `digits` are keys that the caller pressed in this turn.
    """

    reply: int
    turn: int
    transcript: str
    confidence: float = 1.0
    digits: str = ""
    is_early: bool = False


class ConfirmReply(Wish, frozen=True):
    """The turn that this reply was asked for early is over, with the very words it was asked with."""

    reply: int


class RetryReply(Wish, frozen=True):
    """Ask once more for the same reply, beside the first asking; whichever speaks first is used."""

    reply: int


class CancelReply(Wish, frozen=True):
    """Nobody will listen to this reply any more: stop asking for it, if it is not complete.

    `heard` is what the caller heard of it. `reason`: `interrupted` by the caller; asked early and the
    `caller_went_on`; `failed`, so that it is asked anew or given up; `call_over`; or `stopped` by whatever else.
    """

    reply: int
    heard: str = ""
    reason: CancelReason = "stopped"


class Say(Wish, frozen=True):
    """Synthesise and play this piece of the reply, after its earlier pieces."""

    reply: int
    text: str


class Murmur(Wish, frozen=True):
    """Say this whole text as a sound of listening: it bears a number like a reply, and is none."""

    reply: int
    text: str


class FinishSaying(Wish, frozen=True):
    """No more pieces of this reply will come; SpeechEnded is told when its audio was heard."""

    reply: int


class HoldBack(Wish, frozen=True):
    """What is said of this reply is synthesised, but none of it is played before LetOut."""

    reply: int


class LetOut(Wish, frozen=True):
    """Play what was held back of this reply, and all that follows."""

    reply: int


class RetrySpeech(Wish, frozen=True):
    """The voice is silent: say the pieces of this reply again through a fresh connection."""

    reply: int


class HoldSpeech(Wish, frozen=True):
    """Fall silent at once but keep what was not heard."""

    reply: int


class ResumeSpeech(Wish, frozen=True):
    """Go on from where the caller stopped hearing."""

    reply: int


class StopSpeech(Wish, frozen=True):
    """Fall silent at once and forget the rest."""

    reply: int


class PlayClip(Wish, frozen=True):
    """Play a sentence that needs no provider; `reply` numbers it like any speech."""

    reply: int
    clip: Clip


class PressDigits(Wish, frozen=True):
    """Send these keys into the call as tones."""

    digits: str


class TransferTo(Wish, frozen=True):
    """Hand the caller to this number. HungUp follows when they have left, TransferReturned where that cannot be."""

    number: str


class OpenMicrophone(Wish, frozen=True):
    """From now on the caller hears the human named `by`, and the agent says nothing by itself."""

    by: str


class CloseMicrophone(Wish, frozen=True):
    """The caller is told nothing more of what the human says; what is at the phone already is played to its end."""


class EndCall(Wish, frozen=True):
    """Hang up now; what had to be heard was heard."""

    reason: str


class TurnLatencies(msgspec.Struct, frozen=True):
    """Milliseconds from the end of the caller's speech to each step of the answer; None where a step did not happen.

    In their usual order: the last words were settled (`recognised`), the turn was taken (`endpointed`), the answer's
    first text came (`first_text`), its first words went to the voice (`first_clause`), the voice's first sound came
    (`synthesised`), left for the phone (`first_audio`), and began to play there (`heard`). Of an answer that was asked
    for early, all up to the sound may come before the turn is taken, and be negative.
    """

    recognised_ms: float | None = None
    endpointed_ms: float | None = None
    first_text_ms: float | None = None
    first_clause_ms: float | None = None
    synthesised_ms: float | None = None
    first_audio_ms: float | None = None
    heard_ms: float | None = None


class NoteTurn(Wish, frozen=True):
    """Write this transcript row, replacing an earlier note with the same `row`.

    `caller` is what the caller said (empty where the agent spoke unasked), `agent` what the caller *heard* of the
    answer (None while nothing was), `was_cut` whether that was less than the agent meant to say. `intended` is the
    whole text the agent meant to say. `at_s` is seconds since the call began. With `speaker` "human" the words in
    `agent` are those of the human who spoke in the agent's place.
    """

    row: int
    at_s: float
    caller: str
    agent: str | None
    was_cut: bool
    confidence: float
    intended: str
    latencies: TurnLatencies
    speaker: Literal["agent", "human"] = "agent"


InterruptionOutcome = Literal["cut", "resumed"]


class NoteInterruption(Wish, frozen=True):
    """Write down that the caller made the agent fall silent, and what came of it.

    `stopped_ms` is from the caller's first sound to the order to fall silent. `cause` is what it turned out to be:
    `words`, `keys`, or, where the agent went on, `backchannel`, `echo`, `cough` (a sound without words) or `noise` (one
    that did not end).
    """

    at_s: float
    stopped_ms: float
    outcome: InterruptionOutcome
    cause: str


class JudgeTurn(Wish, frozen=True):
    """Ask the end-of-turn model, if there is one, whether the caller has finished; `pause` numbers the question."""

    pause: int


class ReplacePart(Wish, frozen=True):
    """This part makes no progress: go on with the next provider in line, else with a fresh connection."""

    part: Literal["speech_to_text", "text_to_speech", "responder"]
    reason: str


class NoteProblem(Wish, frozen=True):
    """Write down on the call what went wrong; `code` is a stable word, never spoken words or a number."""

    code: str


AnyWish = (
    AskReply
    | ConfirmReply
    | RetryReply
    | CancelReply
    | Say
    | Murmur
    | FinishSaying
    | HoldBack
    | LetOut
    | RetrySpeech
    | HoldSpeech
    | ResumeSpeech
    | StopSpeech
    | PlayClip
    | PressDigits
    | TransferTo
    | OpenMicrophone
    | CloseMicrophone
    | EndCall
    | NoteTurn
    | NoteInterruption
    | NoteProblem
    | JudgeTurn
    | ReplacePart
)
