"""Where the messages of callers lie until they are stored: one file each, in a folder of this machine.

A file holds a line of JSON with what was understood, and the audio behind it: what a crash leaves behind is complete.
Everything here blocks and belongs in a thread.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from parley.domain.errors import BadInput
from parley.domain.voicemails import TakenMessage

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}\.message")


class _Head(msgspec.Struct, frozen=True):
    voicemail_id: str
    duration_ms: int
    transcript: str
    confidence: float


class MessageSpool:
    """The folder; made when the first message is written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, message: TakenMessage) -> Path:
        """Keep a message over a crash; it has its name once it is whole and on the disk. Raises OSError."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        head = _Head(message.voicemail_id, message.duration_ms, message.transcript, message.confidence)
        path = self.folder / f"{message.voicemail_id}.message"
        fresh = path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(head) + b"\n")
            file.write(message.audio)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(path)
        return path

    def paths(self) -> Sequence[Path]:
        """What waits here, oldest first: ids are ordered by the moment they were made."""
        if not self.folder.is_dir():
            return []
        return [path for path in sorted(self.folder.iterdir()) if _NAME.fullmatch(path.name)]

    def read(self, path: Path) -> TakenMessage:
        """Raises BadInput for a file that is no message, and OSError."""
        first, found, audio = path.read_bytes().partition(b"\n")
        try:
            head = msgspec.json.decode(first, type=_Head)
        except msgspec.DecodeError:
            head = None
        if head is None or not found:
            raise BadInput("This file is no message of a caller's.")
        return TakenMessage(head.voicemail_id, audio, head.duration_ms, head.transcript, head.confidence)
