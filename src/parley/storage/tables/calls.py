"""Calls, what was said in them, and the tickets for their media sockets."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, func, inspect, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from parley.conversation.measuring.measures import middle
from parley.conversation.wishes import TurnLatencies
from parley.domain.transfers import Transfer
from parley.domain.transfers import read as read_transfers
from parley.storage.tables.base import Row
from parley.storage.tables.insight import AnalysisRow


class CallRow(Row):
    """A call. `snapshot` is the agent as it was when the call began, with the call's own overrides.

    `dialect` is the API the call was placed through, and is shown in. `recording_key` is set once the recording is
    stored, and names it there; it is empty when the recording was deleted for good.

    `stage` is what the call is at when no agent holds it (`domain.stages`); null means the conversation. `is_handed_on`
    is set between two stages, while the carrier is expected to ask what comes next. `routing` is the decision that
    brought the call there, with why; `talk` is who spoke how long, measured as it happened. `transfers`
    are the numbers the caller was handed to, with what came of it. A call with `is_test` was placed by this server
    itself, to see what would happen: the carrier knows nothing of it.
    """

    __tablename__ = "calls"
    __table_args__ = (
        Index(
            "uq_calls_carrier_call",
            "project_id",
            "carrier",
            "carrier_call_id",
            unique=True,
            postgresql_where=text("carrier_call_id IS NOT NULL"),
        ),
        Index("ix_calls_project_created", "project_id", "created_at", "id"),
        Index("ix_calls_project_started", "project_id", "started_at"),
        Index("ix_calls_project_ended", "project_id", "ended_at"),
        Index("ix_calls_from", "project_id", "from_number", "created_at"),
        Index("ix_calls_to", "project_id", "to_number", "created_at"),
        Index("ix_calls_unfinished", "created_at", postgresql_where=text("status NOT IN ('completed', 'failed')")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    agent_id: Mapped[str | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"), index=True)
    number_id: Mapped[str | None] = mapped_column(ForeignKey("numbers.id", ondelete="SET NULL"), index=True)
    carrier: Mapped[str]
    carrier_call_id: Mapped[str | None]
    credential_id: Mapped[str | None] = mapped_column(ForeignKey("credentials.id", ondelete="SET NULL"))
    direction: Mapped[str]
    status: Mapped[str]
    end_reason: Mapped[str | None]
    from_number: Mapped[str]
    to_number: Mapped[str]
    snapshot: Mapped[dict[str, Any]]
    webhook_url: Mapped[str | None]
    call_metadata: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    problems: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))
    last_transcript_snippet: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    held_at: Mapped[datetime | None]
    dialect: Mapped[str] = mapped_column(server_default="native")
    recording_key: Mapped[str | None]
    recording_bytes: Mapped[int | None] = mapped_column(BigInteger)
    stage: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    is_handed_on: Mapped[bool] = mapped_column(server_default=text("false"))
    is_test: Mapped[bool] = mapped_column(server_default=text("false"))
    routing: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    talk: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    transfers: Mapped[list[Any] | None] = mapped_column(JSONB(none_as_null=True))

    analysis: Mapped[AnalysisRow | None] = relationship(lazy="raise", viewonly=True, uselist=False)
    transcripts: Mapped[list[TranscriptRow]] = relationship(
        lazy="raise", viewonly=True, order_by="TranscriptRow.at_s, TranscriptRow.row"
    )

    @property
    def phone_number(self) -> str:
        """Our side of the call."""
        return self.to_number if self.direction == "inbound" else self.from_number

    @property
    def current_stage(self) -> str | None:
        """The word for where a call is that is not over yet."""
        if self.ended_at is not None:
            return None
        return "conversation" if self.stage is None else self.stage["type"]

    @property
    def tried_transfers(self) -> list[Transfer]:
        """To whom its caller was handed, oldest first."""
        return read_transfers(self.transfers)

    @property
    def began_at(self) -> datetime:
        """When it was answered, and before that when it was placed."""
        return self.started_at or self.created_at

    @property
    def phone_number_id(self) -> str | None:
        return self.number_id

    @property
    def recording_available(self) -> bool:
        """Whether there is a recording, shown or not."""
        return bool(self.recording_key)

    @property
    def recording_url(self) -> str | None:
        """The link `services.recordings` gave this row to be shown with; None where it gave none."""
        return getattr(self, "_recording_url", None)

    @recording_url.setter
    def recording_url(self, url: str | None) -> None:
        self._recording_url = url

    @property
    def latencies(self) -> TurnLatencies:
        """The medians of its turns, as far as they are written."""
        return middle(row.latencies for row in self.transcripts)

    @property
    def judgement(self) -> AnalysisRow | None:
        """What a model made of it; None where none has, and where that was not read."""
        analysis = None if "analysis" in inspect(self).unloaded else self.analysis
        return analysis if analysis is not None and analysis.status == "done" else None

    @property
    def voicemail_id(self) -> str | None:
        """The message its caller left, where `services.calls` looked for one."""
        return getattr(self, "_voicemail_id", None)

    @voicemail_id.setter
    def voicemail_id(self, voicemail_id: str | None) -> None:
        self._voicemail_id = voicemail_id

    @property
    def duration_seconds(self) -> int | None:
        """Whole seconds from connection to end; None while the call runs, 0 if it never connected."""
        if self.ended_at is None:
            return None
        return max(0, round((self.ended_at - self.started_at).total_seconds())) if self.started_at else 0


class TranscriptRow(Row):
    """One exchange. `row` numbers it within its call; noting the same `row` again replaces it.

    With `is_human` the words in `agent` are those of a human who spoke in the agent's place.
    """

    __tablename__ = "transcripts"
    __table_args__ = (
        UniqueConstraint("call_id", "row"),
        Index("ix_transcripts_project_created", "project_id", "created_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"))
    row: Mapped[int]
    at_s: Mapped[float]
    caller: Mapped[str]
    agent: Mapped[str | None]
    was_cut: Mapped[bool]
    confidence: Mapped[float]
    intended: Mapped[str]
    latencies: Mapped[dict[str, Any]]
    is_human: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    @property
    def transcript(self) -> str:
        """What was heard; a line the agent spoke unasked stands here too."""
        return self.caller or self.agent or ""

    @property
    def response(self) -> str | None:
        return self.agent if self.caller else None

    @property
    def speaker(self) -> str:
        if self.caller:
            return "caller"
        return "human" if self.is_human else "agent"


class StreamTokenRow(Row):
    """A single-use ticket that lets one media socket into one call. Only its SHA-256 is kept."""

    __tablename__ = "stream_tokens"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), index=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
