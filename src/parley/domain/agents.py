"""What an agent is while it talks: a frozen snapshot taken when a call begins.

Editing an agent never changes a call in mid-air, and the pure floors never see a database row.
"""

from __future__ import annotations

from typing import Literal

import msgspec

VoiceMode = Literal["webhook", "hosted"]


class ListenChoice(msgspec.Struct, frozen=True):
    """Which recogniser hears the caller. `language` is a BCP-47 tag; empty `model` means the provider's default.

    `tells_early`: it is to say when the caller has probably finished, before it is sure, if it can.
    """

    provider: str = "deepgram"
    model: str = ""
    language: str = "en-US"
    tells_early: bool = False


class VoiceChoice(msgspec.Struct, frozen=True):
    """Which voice speaks. `voice` is the provider's own voice id (aliases are resolved before a snapshot is taken)."""

    provider: str = "elevenlabs"
    model: str = ""
    voice: str = ""
    language: str = "en-US"
    speed: float = 1.0


class ModelChoice(msgspec.Struct, frozen=True):
    """Which chat model answers for a hosted agent. `temperature` None leaves the provider's default."""

    provider: str = "openai"
    model: str = ""
    temperature: float | None = None


class KeyEntry(msgspec.Struct, frozen=True):
    """When keys a caller presses are complete: at the `terminator`, at `count` of them (0: no count), or when none
    follows for `pause_s`. The terminator is not part of what was entered.

    `is_hidden` keys are for the customer's webhook alone: no model, transcript, log or journal shows them.
    """

    terminator: str = "#"
    count: int = 0
    pause_s: float = 1.5
    is_hidden: bool = False


class Conduct(msgspec.Struct, frozen=True):
    """How an agent behaves in a conversation.

    `interruption_sensitivity` is 0 (nothing interrupts it) to 1 (every word does). `backchannels` are the words a
    caller may say without interrupting, `fillers` what the agent says when its answer is late; None: those of its
    language. `thinks_ahead`: answers are asked for as soon as the caller has probably finished, and dropped unheard if
    not. A turn ends after `least_pause_s` at the earliest and `longest_pause_s` at the latest. A caller who has talked
    for `monologue_s` without a pause for an answer is asked to let the agent speak; 0: never.
    """

    interruption_sensitivity: float = 0.8
    protects_greeting: bool = False
    backchannels: tuple[str, ...] | None = None
    gives_backchannel: bool = False
    fillers: tuple[str, ...] | None = None
    thinks_ahead: bool = False
    least_pause_s: float = 0.0
    longest_pause_s: float = 3.0
    monologue_s: float = 180.0
    keys: KeyEntry = KeyEntry()


class AgentSnapshot(msgspec.Struct, frozen=True):
    """The agent as it was when the call began, with the call's own overrides applied.

    The `spare_*` parts take over, in their order, from one that fails.
    """

    id: str
    name: str
    voice_mode: VoiceMode = "webhook"
    system_prompt: str = ""
    greeting: str = ""
    transfer_number: str = ""
    language: str = "en-US"
    listen: ListenChoice = ListenChoice()
    voice: VoiceChoice = VoiceChoice()
    model: ModelChoice = ModelChoice()
    max_call_duration_s: float = 3600.0
    silence_check_in_s: float = 15.0
    is_recorded: bool = False
    conduct: Conduct = Conduct()
    spare_listens: tuple[ListenChoice, ...] = ()
    spare_voices: tuple[VoiceChoice, ...] = ()
    spare_models: tuple[ModelChoice, ...] = ()

    @property
    def listens(self) -> tuple[ListenChoice, ...]:
        """Who hears the caller, and who does in whose place: told to guess early where the agent thinks ahead."""
        line = (self.listen, *self.spare_listens)
        return tuple(msgspec.structs.replace(each, tells_early=self.conduct.thinks_ahead) for each in line)
