"""The voices an agent may have: the ids every client knows, and the voices of the project's own accounts."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from time import monotonic

import structlog

from parley.domain.errors import ProviderError
from parley.domain.secrets import Secret
from parley.domain.voices import KNOWN_VOICES, KnownVoice
from parley.providers.protocols import VoiceCatalogue
from parley.services.credentials import Credentials

log = structlog.get_logger()

_FRESH_S = 300.0
_AWAY_S = 30.0
"""A provider that was away is not asked again for so long, so that it does not slow every list."""
_MOST_ACCOUNTS = 500


class Voices:
    """`own` are the voices this server speaks with by itself; `catalogues` are asked for those of an account.

    `keyless` names the catalogues that may be asked without a key: emulators and self-hosted servers. `now_s` is any
    clock in seconds.
    """

    def __init__(
        self,
        credentials: Credentials,
        catalogues: Mapping[str, VoiceCatalogue],
        own: Sequence[KnownVoice] = (),
        keyless: frozenset[str] = frozenset(),
        now_s: Callable[[], float] = monotonic,
    ) -> None:
        self._credentials = credentials
        self._catalogues = catalogues
        self._own = tuple(own)
        self._keyless = keyless
        self._now_s = now_s
        self._kept: OrderedDict[tuple[str, bytes], tuple[float, tuple[KnownVoice, ...]]] = OrderedDict()

    async def _of_account(self, provider: str, key: Secret) -> tuple[KnownVoice, ...]:
        account = (provider, hashlib.sha256(key.reveal().encode()).digest())
        until_s, offered = self._kept.get(account, (0.0, ()))
        if self._now_s() < until_s:
            return offered
        try:
            offered, fresh_s = tuple(await self._catalogues[provider].voices(key)), _FRESH_S
        except ProviderError as error:
            log.warning("voices_left_out", provider=provider, reason=error.reason)
            fresh_s = _AWAY_S
        self._kept[account] = (self._now_s() + fresh_s, offered)
        self._kept.move_to_end(account)
        while len(self._kept) > _MOST_ACCOUNTS:
            self._kept.popitem(last=False)
        return offered

    async def list(self, project_id: str) -> list[KnownVoice]:
        """The known ids first, then each account's voices that are not among them already.

        A provider that is away or refuses the key leaves its voices out.
        """
        listed = [*KNOWN_VOICES, *self._own]
        taken = {(voice.provider, voice.provider_voice) for voice in listed}
        keys = await self._credentials.for_providers(project_id, self._catalogues.keys())
        for provider, key in keys.items():
            if key or provider in self._keyless:
                offered = await self._of_account(provider, key)
                listed += [voice for voice in offered if (voice.provider, voice.provider_voice) not in taken]
        return listed
