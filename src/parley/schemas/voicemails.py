"""The messages callers left, on the wire."""

from __future__ import annotations

from parley.schemas.base import Limit, Offset, Timestamp, Wire
from parley.schemas.fields import Id
from parley.schemas.pages import CursorQuery


class VoicemailList(Wire):
    """Query of the voicemail list. `unheard` true leaves out those that were heard and those that test calls left,
    false those that were not heard."""

    limit: Limit = 20
    offset: Offset = 0
    unheard: bool | None = None
    number_id: Id | None = None
    agent_id: Id | None = None


class VoicemailPage(CursorQuery):
    """The same, read by cursor."""

    unheard: bool | None = None
    number_id: Id | None = None
    agent_id: Id | None = None


class VoicemailUpdate(Wire):
    """Mark a message as heard, or as not heard."""

    heard: bool


class VoicemailOut(Wire):
    """A message a caller left. `reason` says why nobody answered, `transcript` what was understood of the message
    (null where nothing was), and `audioUrl` is a link that anybody may listen with for four hours. With `isTest` a test
    call left it."""

    id: str
    call_id: str
    number_id: str | None
    agent_id: str | None
    from_number: str
    to_number: str
    reason: str
    transcript: str | None
    confidence: float | None
    duration_seconds: int
    audio_url: str | None
    heard: bool
    heard_at: Timestamp | None
    is_test: bool
    created_at: Timestamp
