"""Alerts, joined with what tells of them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from parley.providers.mail import SmtpMailer
from parley.services.alert_mails import AlertMails
from parley.services.alert_watch import AlertWatch
from parley.services.alerts import Alerts
from parley.settings import Settings
from parley.storage.database import Database
from parley.wiring.telling import Telling


@dataclass(frozen=True, slots=True)
class Alerting:
    """The rules, and the work of looking at calls for them and of telling what they fire."""

    alerts: Alerts
    background: tuple[Callable[[], Coroutine[Any, Any, None]], ...]


def alerting(settings: Settings, database: Database, told: Telling) -> Alerting:
    """Nothing runs yet; `background` does."""
    mailer = SmtpMailer(settings.smtp_url, settings.smtp_from) if settings.smtp_url else None
    return Alerting(
        Alerts(database, told.webhooks, sends_mail=mailer is not None),
        (AlertWatch(database, told.announcements).run, AlertMails(database, mailer).run),
    )
