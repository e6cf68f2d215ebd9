"""Calls and their transcripts on the wire."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from parley.schemas.agents import LanguageModelChoice, Prompt, SpeechToTextChoice, TextToSpeechChoice, Word
from parley.schemas.base import Limit, Offset, Timestamp, Wire
from parley.schemas.fields import Id, PhoneText, Url


class CallCreate(Wire):
    """Place a call. What is given here overrides the agent for this one call.

    `systemPrompt` makes the chat model answer this call whatever the agent's `voiceMode`. `variables` fill
    `{{name}}` in prompt and greeting. `webhookUrl` receives this call's turns and events instead of any other webhook.
    Of `speechToText`, `textToSpeech` and `languageModel` what is left out stays as the agent has it.
    """

    agent_id: Id
    to_number: PhoneText
    from_number: PhoneText | None = None
    from_number_id: Id | None = None
    system_prompt: Prompt | None = None
    initial_greeting: Annotated[str, Field(max_length=5000)] | None = None
    voice: Word | None = None
    variables: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    webhook_url: Url | None = None
    speech_to_text: SpeechToTextChoice | None = None
    text_to_speech: TextToSpeechChoice | None = None
    language_model: LanguageModelChoice | None = None


class CallFilter(Wire):
    """Query of the calls of one agent or number. `search` is matched against both numbers."""

    limit: Limit = 20
    offset: Offset = 0
    status: Literal["completed", "in-progress", "failed"] | None = None
    direction: Literal["inbound", "outbound", "web"] | None = None
    search: Annotated[str, Field(max_length=40)] | None = None


class CallList(CallFilter):
    """Query of the calls list."""

    agent_id: Id | None = None
    number_id: Id | None = None


class TurnLatenciesOut(Wire):
    """Milliseconds from the end of the caller's speech to each step of the answer; null where a step did not happen.

    Of an answer that was asked for before the turn was over, what came ahead of the sound may be negative.
    """

    recognised_ms: float | None = Field(None, description="The last words of the turn were settled.")
    endpointed_ms: float | None = Field(None, description="The turn was taken: the caller had finished.")
    first_text_ms: float | None = Field(None, description="The first text of the answer came.")
    first_clause_ms: float | None = Field(None, description="Its first words went to the voice.")
    synthesised_ms: float | None = Field(None, description="The voice's first sound came.")
    first_audio_ms: float | None = Field(None, description="Its first sound left for the phone.")
    heard_ms: float | None = Field(None, description="The phone began to play it: what the ear heard.")


class TranscriptRowOut(Wire):
    """What was heard (`transcript`) and what the agent was heard to answer (`response`).

    A line the agent spoke unasked, such as its greeting, is a row of its own with the line in `transcript`; so is what
    a human said who had taken the call over (`speaker` is `human`).
    """

    id: str
    transcript: str
    response: str | None
    confidence: float
    speaker: Literal["caller", "agent", "human"]
    was_cut: bool
    latencies: TurnLatenciesOut
    created_at: Timestamp


def _shown_status(status: str) -> str:
    """The API knows three words; what is finer than that is told by `endReason` and the carrier."""
    return "in-progress" if status in {"queued", "ringing"} else status


class CallOut(Wire):
    """A call as listed. `phoneNumber` is our side of it.

    `stage` says where a call is that is not over: with its agent (`conversation`), waiting for one (`waiting`), leaving
    a message (`taking_message`), hearing an announcement (`announcing`), or with a human (`forwarding`).
    """

    id: str
    agent_id: str | None
    phone_number_id: str | None
    phone_number: str
    from_number: str
    to_number: str
    direction: str
    status: Annotated[str, BeforeValidator(_shown_status)]
    end_reason: str | None
    stage: Literal["conversation", "waiting", "taking_message", "announcing", "forwarding"] | None = Field(
        default=None, validation_alias="current_stage"
    )
    started_at: Timestamp = Field(validation_alias="began_at")
    ended_at: Timestamp | None
    duration_seconds: int | None
    last_transcript_snippet: str | None
    recording_url: str | None = None
    recording_available: bool = False
    metadata: dict[str, Any] | None = Field(default=None, validation_alias="call_metadata")
    problems: list[str] = Field(default_factory=list)
    created_at: Timestamp


class CallTransferOut(Wire):
    """An attempt to hand the caller to a human at the number `to`, and what became of it.

    `outcome` is `ringing` until that is known. After `busy`, `no_answer` and `failed` the caller is the agent's again,
    where it was the agent that handed them over; `canceled` is a call that ended before anybody answered.
    """

    to: str
    at: Timestamp
    outcome: Literal["ringing", "answered", "busy", "no_answer", "failed", "canceled"]
    ring_seconds: int | None
    talk_seconds: int | None


class CallDetail(CallOut):
    """One call with all that was said. `voicemailId` names the message its caller left, if there is one.

    `latencies` are the medians of its turns: how long a caller waited for an answer is `heardMs`.
    """

    transcripts: list[TranscriptRowOut]
    latencies: TurnLatenciesOut = Field(default_factory=TurnLatenciesOut)
    voicemail_id: str | None = None
    transfers: list[CallTransferOut] = Field(default_factory=list, validation_alias="tried_transfers")


class CallEvent(Wire):
    """What the stream of a call's transcript tells of the call itself, when it begins and when the call is over."""

    call_id: Annotated[str, Field(validation_alias="id")]
    status: Annotated[str, BeforeValidator(_shown_status)]
    end_reason: str | None
    duration_seconds: int | None
