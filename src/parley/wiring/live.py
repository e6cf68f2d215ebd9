"""What lets people watch calls as they happen, from any replica."""

from __future__ import annotations

from parley.services.audience import Audience
from parley.services.elsewhere import Elsewhere
from parley.settings import Settings
from parley.storage.relay import NoRelay, Relay


def audience(settings: Settings) -> Audience:
    """Nothing runs yet; `run` carries what other replicas tell. Raises ConfigurationError."""
    return Audience(Elsewhere(_relay(settings)))


def _relay(settings: Settings) -> Relay:
    if settings.redis_url is None:
        return NoRelay()
    from parley.storage.redis_relay import RedisRelay

    return RedisRelay(settings.redis_url)
