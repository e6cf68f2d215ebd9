"""What a scripted caller says, as audio: in the voice in use, so that the recogniser in use understands it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from parley.audio.formats import MULAW_8K
from parley.audio.g711 import mulaw_to_pcm16, pcm16_rms
from parley.audio.watermark import speak
from parley.conversation.facts import PartFailed
from parley.domain.agents import VoiceChoice
from parley.domain.calls import CallPlan
from parley.domain.errors import BadInput, ParleyError
from parley.domain.secrets import Secret
from parley.live.providers import Providers
from parley.providers.protocols import SpokenAudio, TextToSpeech, UtteranceDone, UtteranceFailed, VoiceFact
from parley.simulation.playout import FRAME_BYTES

DEADLINE_S: Final = 10.0
MARKED: Final = "simulated"
"""The voice that only recognisers understand which read marks in the audio."""
_SPARE: Final = "espeak"
_KEPT_BYTES: Final = MULAW_8K.bytes_in(200)  # no last sound is cut, and no recogniser takes so little for the end
_QUIET_RMS: Final = 100  # of 32,767: 50 dB below full scale
_TAIL_BYTES: Final = MULAW_8K.bytes_in(50)  # `speak` ends with so much near silence


class Script(msgspec.Struct, frozen=True):
    """The lines as 8 kHz mu-law, which voice speaks them, and why it is not the agent's, where it is not."""

    lines: tuple[tuple[str, bytes], ...]
    voice: str
    why: str = ""


async def voiced(providers: Providers, plan: CallPlan, lines: Sequence[str]) -> Script:
    """Have the lines spoken by the call's own voice, else by one that needs nobody."""
    if plan.agent.listen.provider == MARKED:
        return _marked(lines, "")
    choice, why = plan.agent.voice, ""
    spoken = None
    if choice.provider != "tone":  # which no recogniser takes for speech
        spoken, why = await _spoken(providers.text_to_speech.get(choice.provider), choice, plan.voice_key, lines)
    if spoken is None and choice.provider != _SPARE:
        spare = VoiceChoice(_SPARE, language=plan.agent.language)
        spoken, _ = await _spoken(providers.text_to_speech.get(_SPARE), spare, Secret(""), lines)
        choice = spare
    if spoken is None:
        return _marked(lines, why or "no voice on this server can be understood")
    trimmed = [without_last_silence(audio) for audio in spoken]
    return Script(tuple(zip(lines, trimmed, strict=True)), choice.provider, why)


def without_last_silence(audio: bytes) -> bytes:
    """Voices end in silence, in which a quick agent would answer before the line seems to be over."""
    end = len(audio)
    while end > FRAME_BYTES and pcm16_rms(mulaw_to_pcm16(audio[end - FRAME_BYTES : end])) < _QUIET_RMS:
        end -= FRAME_BYTES
    return audio[: end + _KEPT_BYTES]


def _marked(lines: Sequence[str], why: str) -> Script:
    spoken = []
    for line in lines:
        try:
            spoken.append((line, speak(line)[:-_TAIL_BYTES]))
        except BadInput:  # a word that is too long to be marked
            continue
    return Script(tuple(spoken), MARKED, why)


async def _spoken(
    door: TextToSpeech | None, choice: VoiceChoice, key: Secret, lines: Sequence[str]
) -> tuple[list[bytes] | None, str]:
    """Every line as audio, else None and why."""
    if door is None:
        return None, f"there is no voice of {choice.provider} on this server"
    taken = _Taken(len(lines))
    try:
        voice = door.speak(choice, MULAW_8K, key, taken.take)
    except ParleyError as refused:
        return None, refused.message
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(voice.run())
        for number, line in enumerate(lines, start=1):
            voice.say(number, line)
            voice.finish(number)
        await asyncio.wait((running, taken.settled), timeout=DEADLINE_S, return_when=asyncio.FIRST_COMPLETED)
        voice.close()
        running.cancel()
    if not taken.settled.done() and not taken.why:
        taken.why = f"the voice of {choice.provider} did not speak within {DEADLINE_S:.0f} s"
    return (taken.audio, "") if taken.is_whole else (None, taken.why)


class _Taken:
    """The audio of numbered utterances, as it comes."""

    def __init__(self, count: int) -> None:
        self.why = ""
        self.settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._parts: list[list[bytes]] = [[] for _ in range(count)]
        self._done: set[int] = set()

    @property
    def is_whole(self) -> bool:
        return len(self._done) == len(self._parts) and all(self._parts)

    @property
    def audio(self) -> list[bytes]:
        return [b"".join(parts) for parts in self._parts]

    def take(self, fact: VoiceFact) -> None:
        if isinstance(fact, SpokenAudio):
            self._parts[fact.utterance - 1].append(fact.audio)
        elif isinstance(fact, UtteranceDone):
            self._done.add(fact.utterance)
            if len(self._done) == len(self._parts):
                self._settle()
        elif isinstance(fact, UtteranceFailed | PartFailed):
            self.why = f"the voice failed ({fact.reason})"
            self._settle()

    def _settle(self) -> None:
        if not self.settled.done():
            self.settled.set_result(None)
