"""A test call: a call that this server announces to itself, and what its scripted caller met on the way. Pure.

A carrier's webhook tells of a test call like of any other, truly signed. What makes it one is its id: it was announced,
stored under the project, before the webhook came. An id that only looks like an announced one is refused.
"""

from __future__ import annotations

import msgspec

from parley.domain.carriers import CarrierAccount

PREFIX = "test_"
"""How the carrier's id of every announced call begins; no carrier's own ids do."""

LONGEST_S = 60.0
"""A test call is over by then, whatever it was asked to last."""
DEFAULT_SCRIPT = ("Hello, this is a test call, can you hear me?",)
"""What the caller says where nobody wrote a script: one breath, so that nobody takes its middle for the end."""


def looks_announced(carrier_call_id: str) -> bool:
    """Whether the id is of the form that announced calls have."""
    return carrier_call_id.startswith(PREFIX)


class CallOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A test call to be made: what the carrier would ask and sign with, and what its caller says.

    `greeting_wait_s` is how long the caller waits for the agent to speak first; `duration_s` limits the conversation.
    """

    carrier: str
    carrier_call_id: str
    account: CarrierAccount
    voice_url: str
    status_url: str
    from_number: str
    to_number: str
    script: tuple[str, ...]
    duration_s: float
    greeting_wait_s: float


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """One request to this server: the HTTP status it answered with, else the word for why there was no answer.

    `error` is `unresolved`, `refused`, `tls`, `timeout` or `broke_off`. Times are milliseconds; `at_ms` counts from the
    beginning of the test.
    """

    at_ms: int
    took_ms: int
    status: int | None = None
    error: str = ""

    @property
    def is_good(self) -> bool:
        return self.status is not None and self.status < 300


class SpokenLine(msgspec.Struct, kw_only=True):
    """One sentence of the caller's. `reply_ms` is from its end to the agent's first audio; None: no answer came."""

    text: str
    at_ms: int
    reply_ms: int | None = None


class CallSeen(msgspec.Struct, kw_only=True):
    """All that the scripted caller met, in the order of a call; what it did not come to is None or empty.

    `public` is the first request to the address carriers know, `own` the same over the server's own address where the
    public one did not do. `verbs` are what the documents asked for: `stream`, `dial`, `reject`, `hangup`. `spoken_by`
    names the voice of the caller, `spoken_by_why` says why it is not the agent's. `agent_words` is what the recogniser
    in use made of the agent's audio, and `agent_words_why` why it made nothing of it. `is_cut_short`: the time was up.
    """

    public: Contact | None = None
    own: Contact | None = None
    verbs: list[str] = msgspec.field(default_factory=list)
    connected_ms: int | None = None
    stream_error: str = ""
    greeting_ms: int | None = None
    lines: list[SpokenLine] = msgspec.field(default_factory=list)
    spoken_by: str = ""
    spoken_by_why: str = ""
    agent_audio_ms: int = 0
    agent_words: list[str] = msgspec.field(default_factory=list)
    agent_words_why: str = ""
    ended_by: str = ""
    hang_up: Contact | None = None
    is_cut_short: bool = False
    complaints: list[str] = msgspec.field(default_factory=list)
