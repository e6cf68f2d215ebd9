"""What the conversation is told. Facts about audio, never audio; every fact is stamped by the driver's `now`.

Facts that belong to a reply carry its number; one that bears an old reply's number is dropped by the machine.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Part = Literal["speech_to_text", "text_to_speech", "responder", "carrier"]


class Fact(msgspec.Struct, frozen=True, tag=True):
    """Base of all facts; the tag is the class name, so a journal line says what it is."""


class CallPrepared(Fact, frozen=True):
    """The call exists but nobody listens yet: what will be said first can be synthesised ahead."""


class CallConnected(Fact, frozen=True):
    """The phone's audio is attached: what is said from here on can be heard."""


class VoiceStarted(Fact, frozen=True):
    """The caller began to make voice-like sound (our detector, or the recogniser's), `ago_s` seconds before this."""

    ago_s: float = 0.0


class VoicePaused(Fact, frozen=True):
    """The caller's sound has just fallen quiet, `ago_s` seconds before this: the end of it, or a gap between words."""

    ago_s: float = 0.0


class VoiceResumed(Fact, frozen=True):
    """It was a gap: the sound goes on, and VoiceStopped was not told."""


class VoiceStopped(Fact, frozen=True):
    """The caller's sound ended `ago_s` seconds before this fact was told (the detector waits before it is sure)."""

    ago_s: float = 0.0


class WordsHeard(Fact, frozen=True):
    """The recogniser's text for the segment it is hearing now.

    Interim text replaces the earlier interim text; `is_final` text is settled and never repeated. `ends_turn` is the
    recogniser's own opinion that the caller has finished; `turn_is_certain` that it used a model made for that
    question, so that the text need not be judged again. `may_end_turn`: that model thinks that the caller has probably
    finished, and will say so for certain or take it back.
    """

    text: str
    is_final: bool = False
    ends_turn: bool = False
    turn_is_certain: bool = False
    confidence: float = 1.0
    may_end_turn: bool = False


class UtteranceEnded(Fact, frozen=True):
    """The recogniser heard no further word for its whole gap; settled words still open are a turn now."""


class TurnJudged(Fact, frozen=True):
    """The end-of-turn model has listened: how probable it is that the caller had finished at pause number `pause`."""

    pause: int
    probability: float


class ReplyText(Fact, frozen=True):
    """More text of reply `reply`, as it came, mark-up and all.

    `is_whole` text is a chunk its author wants spoken as it is; other text is a fragment that may end inside a word.
    With `is_protected` text the caller hears the reply up to its end, whatever they say meanwhile.
    """

    reply: int
    text: str
    is_whole: bool = False
    is_protected: bool = False


class ReplyDigits(Fact, frozen=True):
    """The reply wants keys pressed now (`0-9*#wW`)."""

    reply: int
    digits: str


class ReplyHangup(Fact, frozen=True):
    """The reply wants the call ended after the speech before it was heard."""

    reply: int


class ReplyTransfer(Fact, frozen=True):
    """The reply wants the caller transferred after the speech before it was heard."""

    reply: int


class ReplySilent(Fact, frozen=True):
    """The reply is to say nothing, on purpose: the caller was not talking to the agent, or asked it to wait."""

    reply: int


class ReplyRefused(Fact, frozen=True):
    """The reply wanted what it may not do, or said it badly; nothing is done about it. `code` is a stable word."""

    reply: int
    code: str


class ReplyDone(Fact, frozen=True):
    """The reply is complete; nothing more of it will come."""

    reply: int


class ReplyFailed(Fact, frozen=True):
    """The responder could not produce (the rest of) the reply.

    `silent` is the customer's webhook: by contract its failures are silence for the turn. `reason` is a short code.
    """

    reply: int
    reason: str
    silent: bool = False


class SpeechSynthesised(Fact, frozen=True):
    """The voice's first audio of the reply is here; it may have to wait before it leaves for the phone."""

    reply: int


class SpeechStarted(Fact, frozen=True):
    """The first audio of the reply left for the phone."""

    reply: int


class SpeechHeard(Fact, frozen=True):
    """Of the reply's spoken text, the first `chars` characters have been played to the caller.

    The first time it is told of a reply, its sound began at the phone `began_ago_s` seconds before.
    """

    reply: int
    chars: int
    began_ago_s: float = 0.0


class SpeechEnded(Fact, frozen=True):
    """All audio of the reply was played to the caller; only ever true audio, never a cleared mark."""

    reply: int


class SpeechStarved(Fact, frozen=True):
    """The phone has played all audio there is, and the voice still owes some of the text it was given."""

    reply: int


class SpeechFailed(Fact, frozen=True):
    """The voice could not say (the rest of) the reply."""

    reply: int
    reason: str


class KeyPressed(Fact, frozen=True):
    """The caller pressed one key (`0-9*#`)."""

    digit: str


class PartLost(Fact, frozen=True):
    """A part lost its connection and is mending it by itself."""

    part: Part
    reason: str


class PartRestored(Fact, frozen=True):
    part: Part


class PartFailed(Fact, frozen=True):
    """A part gave up for good."""

    part: Part
    reason: str


class PartReplaced(Fact, frozen=True):
    """The next provider in line has taken over from one that failed; none of what was said is lost or said twice."""

    part: Part
    reason: str


class TransferReturned(Fact, frozen=True):
    """The number that the caller was transferred to did not take the call: the caller is the agent's again.

    `outcome` is `busy`, `no_answer` or `failed`, also where the transfer could not be begun. `to` is the number.
    """

    outcome: str
    to: str = ""


class EndAsked(Fact, frozen=True):
    """Somebody asked for the end: the API, or the server that has to stop."""

    reason: str = "api_request"


class SayAsked(Fact, frozen=True):
    """Somebody asked the agent to say this line; a protected one is heard to its end, whatever the caller says."""

    text: str
    is_protected: bool = False


class Whispered(Fact, frozen=True):
    """Somebody beside the call told the agent something that the caller is not to hear."""

    text: str


class TakeOverAsked(Fact, frozen=True):
    """A human wants to speak with the caller in the agent's place, for `for_s` seconds from now unless asked again.

    `by` tells one human from another; who has the call keeps it.
    """

    by: str
    for_s: float


class HandBackAsked(Fact, frozen=True):
    """The agent is to go on. `note` is for the agent alone; `say` is what it says first."""

    note: str = ""
    say: str = ""


class HumanHeard(Fact, frozen=True):
    """Settled words of the human who speaks in the agent's place."""

    text: str


class TransferAsked(Fact, frozen=True):
    """Somebody beside the call wants the caller handed over to `number`, once `say`, if anything, was heard."""

    number: str
    say: str = ""


class HungUp(Fact, frozen=True):
    """The caller is gone, or the carrier says the call is over."""

    reason: str = "caller_hangup"


AnyFact = (
    CallPrepared
    | CallConnected
    | VoiceStarted
    | VoicePaused
    | VoiceResumed
    | VoiceStopped
    | WordsHeard
    | UtteranceEnded
    | TurnJudged
    | ReplyText
    | ReplyDigits
    | ReplyHangup
    | ReplyTransfer
    | ReplySilent
    | ReplyRefused
    | ReplyDone
    | ReplyFailed
    | SpeechSynthesised
    | SpeechStarted
    | SpeechHeard
    | SpeechEnded
    | SpeechStarved
    | SpeechFailed
    | KeyPressed
    | PartLost
    | PartRestored
    | PartFailed
    | PartReplaced
    | TransferReturned
    | EndAsked
    | SayAsked
    | Whispered
    | TakeOverAsked
    | HandBackAsked
    | HumanHeard
    | TransferAsked
    | HungUp
)
