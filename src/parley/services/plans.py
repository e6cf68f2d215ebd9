"""Gathering everything a live session needs, once, before the call begins."""

from __future__ import annotations

from parley.domain.calls import CallPlan
from parley.services.credentials import Credentials
from parley.services.defaults import Defaults
from parley.services.webhooks import Webhooks
from parley.storage.tables import CallRow


class Plans:
    def __init__(self, credentials: Credentials, webhooks: Webhooks, defaults: Defaults) -> None:
        self._credentials = credentials
        self._webhooks = webhooks
        self._defaults = defaults

    async def for_call(self, call: CallRow) -> CallPlan:
        """The plan of a stored call, from the snapshot taken when it began and the keys and webhook of now.

        `agent.voice_mode` is "hosted" exactly when the chat model answers; a webhook-mode plan without a `webhook`
        has nobody to ask, and every turn is silence.
        """
        raise NotImplementedError
