"""The four doors to the outside world: carrier, speech-to-text, text-to-speech, responder.

A part that lives as long as a call has the same shape everywhere: a coroutine `run()` that the session starts as a
child of its TaskGroup and that returns after `close()`; plain methods that only queue work and never block or raise;
and one `emit` callback through which everything it learns comes back. `emit` is called on the event loop, never from a
thread.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from parley.audio.formats import AudioFormat
from parley.conversation.facts import PartFailed, PartLost, PartRestored, UtteranceEnded, VoiceStarted, WordsHeard
from parley.domain.agents import ListenChoice, VoiceChoice
from parley.domain.calls import CallPlan
from parley.domain.carriers import AvailableNumber, CallHooks, CarrierAccount, CarrierNumber, NumberHooks, NumberSetup
from parley.domain.health import KeyState
from parley.domain.secrets import Secret
from parley.domain.voices import KnownVoice
from parley.providers.carrier_facts import NOT_OWNED as NOT_OWNED
from parley.providers.carrier_facts import OPTED_OUT as OPTED_OUT
from parley.providers.carrier_facts import CallReport as CallReport
from parley.providers.carrier_facts import Document as Document
from parley.providers.carrier_facts import ForwardOutcome as ForwardOutcome
from parley.providers.carrier_facts import IncomingMessage as IncomingMessage
from parley.providers.carrier_facts import MessageReport as MessageReport
from parley.providers.carrier_facts import RingingCall as RingingCall
from parley.providers.turns import DigitsPart as DigitsPart
from parley.providers.turns import HangupPart as HangupPart
from parley.providers.turns import HistoryLine as HistoryLine
from parley.providers.turns import Instruction as Instruction
from parley.providers.turns import RefusedPart as RefusedPart
from parley.providers.turns import ReplyPart as ReplyPart
from parley.providers.turns import SilencePart as SilencePart
from parley.providers.turns import TextPart as TextPart
from parley.providers.turns import TransferPart as TransferPart
from parley.providers.turns import TurnRequest as TurnRequest

# ---------------------------------------------------------------- any provider


class KeyCheck(Protocol):
    """Asks a provider something harmless."""

    async def check(self, key: Secret) -> KeyState:
        """What it says to the key, soon. Never raises for its answer."""
        ...


# ---------------------------------------------------------------- speech to text

HearingFact = VoiceStarted | WordsHeard | UtteranceEnded | PartLost | PartRestored | PartFailed


class Hearing(Protocol):
    """One recogniser stream for one call."""

    async def run(self) -> None:
        """Connect, keep alive, reconnect (replaying audio whose words were not settled) until `close()`.

        Emits PartLost/PartRestored around a gap and PartFailed when it gives up; never raises for a provider's fault.
        """
        ...

    @property
    def settled(self) -> int:
        """How many bytes of the audio given to `hear` are done with: no word in them will be told any more."""
        ...

    @property
    def answered_at(self) -> float:
        """When the recogniser last said anything about the audio, by the event loop's clock; minus infinity before."""
        ...

    def hear(self, audio: bytes) -> None:
        """Queue caller audio. The queue is bounded; when it is full the oldest audio goes."""
        ...

    def close(self) -> None: ...


class SpeechToText(Protocol):
    def listen(
        self, choice: ListenChoice, audio: AudioFormat, key: Secret, emit: Callable[[HearingFact], None]
    ) -> Hearing: ...


class TurnModel(Protocol):
    """Hears whether a caller has finished, on this machine. One for all calls."""

    @property
    def hears_s(self) -> float:
        """So much of the caller's last sound it wants."""
        ...

    def judge(self, audio: bytes, audio_format: AudioFormat, tell: Callable[[float], None]) -> None:
        """Call `tell` with the probability that the caller has finished at the end of `audio`: soon, or never.

        Never blocks; where too many questions wait, this one is dropped.
        """
        ...


# ---------------------------------------------------------------- text to speech


class SpokenAudio(msgspec.Struct, frozen=True):
    """Audio of one utterance, in the format asked for.

    `chars`/`char_end_ms` align it: character i of this chunk's text has ended `char_end_ms[i]` milliseconds after this
    chunk's first sample. Both are empty when the provider gives no alignment.
    """

    utterance: int
    audio: bytes
    chars: str = ""
    char_end_ms: tuple[float, ...] = ()


class UtteranceDone(msgspec.Struct, frozen=True):
    """All audio of the utterance was emitted."""

    utterance: int


class UtteranceFailed(msgspec.Struct, frozen=True):
    """The utterance cannot be (wholly) spoken."""

    utterance: int
    reason: str


VoiceFact = SpokenAudio | UtteranceDone | UtteranceFailed | PartLost | PartRestored | PartFailed


class Voice(Protocol):
    """One warm synthesiser connection for one call. Utterances are numbered by the caller of this interface."""

    async def run(self) -> None: ...

    def say(self, utterance: int, text: str) -> None:
        """Queue text of an utterance; the first piece opens it. Pieces are synthesised as one continuous speech."""
        ...

    def finish(self, utterance: int) -> None:
        """No more text: synthesise what is left, then emit UtteranceDone."""
        ...

    def cancel(self, utterance: int) -> None:
        """Nothing more of this utterance will be emitted, even if it is on its way."""
        ...

    def retry(self, utterance: int) -> None:
        """Drop the connection if it seems dead and say the utterance's text again from its beginning."""
        ...

    def close(self) -> None: ...


class TextToSpeech(Protocol):
    def speak(
        self, choice: VoiceChoice, audio: AudioFormat, key: Secret, emit: Callable[[VoiceFact], None]
    ) -> Voice: ...


class VoiceCatalogue(Protocol):
    async def voices(self, key: Secret) -> Sequence[KnownVoice]:
        """The voices that the account of `key` may speak with, under the ids clients choose them by.

        Raises ProviderUnavailable or ProviderError, soon.
        """
        ...


# ---------------------------------------------------------------- responder


class Responder(Protocol):
    """Decides what the agent says: a chat model or the customer's webhook."""

    def respond(self, turn: TurnRequest) -> AsyncGenerator[ReplyPart, None]:
        """Yield the reply's parts as they arrive; the end of the generator is the end of the reply.

        Raises ProviderError (`retryable` set). Closing the generator cancels the request at the provider.
        """
        ...

    async def warm(self, plan: CallPlan) -> None:
        """Open what can be opened before the first turn. Failing to is not an error."""
        ...

    async def withdraw(self, turn: TurnRequest, reason: str, heard: str) -> None:
        """Whoever answers is told, where they asked for it, that the caller hears no more of this answer than `heard`.

        `reason` is a `CancelReason` of the conversation. Soon over, and never raises.
        """
        ...


# ---------------------------------------------------------------- carrier


class LegEvents(Protocol):
    """Who listens to a media leg. Called on the event loop; must not block."""

    def on_audio(self, audio: bytes) -> None: ...
    def on_played(self, position: int) -> None:
        """Playback has truly passed byte `position` of all audio given to `play` since the leg began or was flushed."""
        ...

    def on_key(self, digit: str) -> None: ...
    def on_closed(self, reason: str) -> None: ...


class MediaLeg(Protocol):
    """The phone's audio, both ways, whatever the carrier calls its frames, marks and flushes."""

    @property
    def audio_format(self) -> AudioFormat: ...

    def play(self, audio: bytes) -> None:
        """Queue audio for the phone behind what is already queued there. Confirmed through `on_played`."""
        ...

    def flush(self) -> None:
        """Drop all audio the phone has not played. Positions begin again at 0; nothing older is ever confirmed."""
        ...

    def close(self) -> None: ...


class TextSocket(Protocol):
    """A websocket that carries text, as a carrier leg needs it; the HTTP edge adapts its own socket to this."""

    async def receive(self) -> str | None:
        """The next text message; None once the socket is closed or broken."""
        ...

    async def send(self, text: str) -> None:
        """Send one text message. Sending on a closed socket does nothing."""
        ...

    async def close(self, code: int = 1000) -> None:
        """Close with a websocket close code. Closing a closed socket does nothing."""
        ...


class IncomingLeg(MediaLeg, Protocol):
    """A media leg that the carrier opened towards us."""

    async def handshake(self) -> str:
        """Read until the stream starts and return the token it carries. The caller sets the deadline.

        Raises Forbidden when the socket ends, or says something else for too long, before a valid start.
        """
        ...

    async def run(self, events: LegEvents) -> None:
        """Carry audio both ways until the socket ends, then report `on_closed` exactly once and return.

        "stopped": the carrier said so; "lost": the socket broke without a word; "closed": `close()` was called.
        """
        ...


class Carrier(Protocol):
    """Numbers, calls and text messages at a carrier. Every coroutine raises CarrierRefused or ProviderUnavailable."""

    @property
    def account_form(self) -> str:
        """A regular expression that every account id of this carrier matches from end to end."""
        ...

    async def search(
        self, account: CarrierAccount, country: str, *, area_code: str = "", contains: str = "", limit: int = 10
    ) -> Sequence[AvailableNumber]: ...

    async def buy(self, account: CarrierAccount, phone_number: str, hooks: NumberHooks) -> CarrierNumber: ...

    async def adopt(self, account: CarrierAccount, phone_number: str, hooks: NumberHooks) -> CarrierNumber:
        """Point a number the account already owns at this server.

        A CarrierRefused whose `reason` is `NOT_OWNED` says that the account does not own it.
        """
        ...

    async def release(self, account: CarrierAccount, carrier_id: str) -> None: ...

    async def check(self, account: CarrierAccount) -> KeyState:
        """Whether the carrier takes the account, by one request that changes nothing. Never raises for its answer."""
        ...

    async def inspect(self, account: CarrierAccount, phone_number: str) -> NumberSetup | None:
        """Where the carrier brings the number's calls; None for a number the account does not own."""
        ...

    async def dial(self, account: CarrierAccount, from_number: str, to_number: str, hooks: CallHooks) -> str:
        """Place a call and return the carrier's id for it."""
        ...

    async def end(self, account: CarrierAccount, carrier_call_id: str) -> None:
        """End a call; a call that is over already is no error."""
        ...

    async def send_message(
        self,
        account: CarrierAccount,
        from_number: str,
        to_number: str,
        body: str,
        media_urls: Sequence[str],
        status_url: str,
    ) -> str:
        """Hand over a text message and return the carrier's id for it; what becomes of it is told to `status_url`.

        A CarrierRefused whose `reason` is `OPTED_OUT` says that the other side wants no texts from this number.
        """
        ...

    def verify(self, token: Secret, url: str, headers: Mapping[str, str], body: bytes) -> None:
        """Check that the carrier, knowing `token`, sent exactly this request to exactly this public URL.

        `headers` need not be case-insensitive. Raises Forbidden for anything else, whatever went wrong.
        """
        ...

    def read_ringing(self, body: bytes) -> RingingCall:
        """Parse a verified voice webhook. Raises BadInput."""
        ...

    def read_report(self, body: bytes) -> CallReport:
        """Parse a verified status callback. Raises BadInput."""
        ...

    def read_forwarded(self, body: bytes) -> ForwardOutcome | None:
        """Parse a verified question of what comes next; None where it does not follow a `forward_document`.

        Raises BadInput.
        """
        ...

    def read_message(self, body: bytes) -> IncomingMessage:
        """Parse a verified webhook about a text message that came in. Raises BadInput."""
        ...

    def read_message_report(self, body: bytes) -> MessageReport:
        """Parse a verified status callback of a text message. Raises BadInput."""
        ...

    def message_document(self) -> Document:
        """Take note of a text message and answer it with nothing."""
        ...

    def connect_document(self, stream_url: str, token: str, after_url: str) -> Document:
        """Stream the call's audio to `stream_url`, showing `token`; ask `after_url` what next when the stream ends."""
        ...

    def forward_document(
        self, phone_number: str, caller_id: str, *, after_url: str, answered_url: str, timeout_s: int
    ) -> Document:
        """Ring a human's number for up to `timeout_s` and connect the caller when it is answered.

        The human sees `caller_id`. A caller whose call was not answered yet hears it ring on and pays for nothing until
        the human answers. `answered_url` is told that the human did; `after_url` is asked what next
        (`read_forwarded`) when the two have spoken, or the human could not be reached.
        """
        ...

    def hangup_document(self) -> Document: ...

    def reject_document(self) -> Document:
        """Decline a call that was not answered yet; the caller hears a busy tone."""
        ...

    def leg(self, socket: TextSocket) -> IncomingLeg:
        """Wrap an accepted websocket whose token is not known yet."""
        ...
