"""Where recordings and callers' messages go: from a spool on this machine's disk to a folder or a bucket."""

from __future__ import annotations

from dataclasses import dataclass

from parley.domain.errors import ConfigurationError
from parley.services.announcements import Announcements
from parley.services.recording_intake import RecordingIntake
from parley.services.recording_links import RecordingLinks
from parley.services.recordings import Recordings
from parley.services.voicemail_intake import VoicemailIntake
from parley.services.voicemails import Voicemails
from parley.settings import Settings
from parley.storage.cipher import Cipher
from parley.storage.database import Database
from parley.storage.message_spool import MessageSpool
from parley.storage.recordings import RecordingStore, local_store, s3_store
from parley.storage.spool import Spool


@dataclass(frozen=True, slots=True)
class Recording:
    """What is shown of recordings and messages, and what brings them in: of these, the two intakes run."""

    recordings: Recordings
    intake: RecordingIntake
    voicemails: Voicemails
    voicemail_intake: VoicemailIntake

    @property
    def intakes(self) -> tuple[RecordingIntake, VoicemailIntake]:
        return self.intake, self.voicemail_intake


def recording(
    settings: Settings, database: Database, cipher: Cipher, public_url: str, announcements: Announcements
) -> Recording:
    """Raises ConfigurationError when the place for recordings cannot be used."""
    store, key = _store(settings), cipher.link_key()
    links = RecordingLinks(public_url, key)
    of_messages = RecordingLinks(public_url, key, folder="voicemails", noun="voicemail", owner="voicemail")
    spool, messages = Spool(settings.data_dir / "spool"), MessageSpool(settings.data_dir / "spool" / "messages")
    voicemail_intake = VoicemailIntake(database, store, messages, announcements, of_messages)
    return Recording(
        Recordings(database, store, links),
        RecordingIntake(database, store, spool),
        Voicemails(database, store, of_messages, voicemail_intake),
        voicemail_intake,
    )


def _store(settings: Settings) -> RecordingStore:
    if settings.recordings_url is None:
        return local_store(settings.data_dir / "recordings")
    if bool(settings.aws_access_key_id) != bool(settings.aws_secret_access_key):
        raise ConfigurationError("Set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither.")
    return s3_store(
        settings.recordings_url,
        endpoint=settings.recordings_s3_endpoint,
        region=settings.aws_region,
        access_key=settings.aws_access_key_id,
        secret_key=settings.aws_secret_access_key,
    )
