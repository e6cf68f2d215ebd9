"""How a phone behaves that rings."""

from __future__ import annotations

from typing import Final

import msgspec

TRANSFER_LASTS_S: Final = 0.2
"""How long the party a call is put through to talks before everybody hangs up."""


class Ringing(msgspec.Struct, frozen=True):
    """How a called phone behaves: after `lasts_s` it has `outcome` "answered", "busy", "no-answer" or "failed".

    Where a caller is put through to it, the two talk for `talks_s`, then it hangs up.
    """

    outcome: str = "answered"
    lasts_s: float = 0.1
    talks_s: float = TRANSFER_LASTS_S
