"""Phone numbers of the simulated carrier: what it has for sale, and what an account owns."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any, Final

import msgspec

# Ranges set aside for fiction: 555-0100 to 555-0199 in North America; Ofcom's drama numbers in the United Kingdom.
_FICTION: Final = {
    "US": ("+1{area}55501{index:02d}", "415", "San Francisco", "CA"),
    "CA": ("+1{area}55501{index:02d}", "416", "Toronto", "ON"),
    "GB": ("+44{area}79460{index:03d}", "20", "London", ""),
}

_STOCK_PER_AREA: Final = 100

_HOOKS: Final = (
    "VoiceUrl",
    "VoiceMethod",
    "StatusCallback",
    "StatusCallbackMethod",
    "VoiceApplicationSid",
    "TrunkSid",
    "SmsUrl",
    "SmsMethod",
    "SmsApplicationSid",
)


class OwnedNumber(msgspec.Struct):
    """A number in the account, with what the carrier calls for it: `hooks` by the names of the REST parameters."""

    phone_number: str
    sid: str = msgspec.field(default_factory=lambda: f"PN{secrets.token_hex(16)}")
    hooks: dict[str, str] = msgspec.field(default_factory=dict)

    def update(self, form: dict[str, str]) -> None:
        """Take over the hooks that `form` names."""
        self.hooks |= {name: form[name] for name in _HOOKS if name in form}


class Stock:
    """Numbers for sale and numbers sold, by the rules of the real shop."""

    def __init__(self) -> None:
        self.owned: dict[str, OwnedNumber] = {}

    def for_sale(self, country: str, area: str, contains: str, limit: int) -> Sequence[dict[str, Any]] | None:
        """Up to `limit` numbers as REST shows them; None for a country the carrier does not serve."""
        if country not in _FICTION:
            return None
        shape, default_area, locality, region = _FICTION[country]
        taken = {each.phone_number for each in self.owned.values()}
        numbers = (shape.format(area=area or default_area, index=index) for index in range(_STOCK_PER_AREA))
        wanted = contains.strip("+*%$")
        free = [number for number in numbers if number not in taken and wanted in number]
        return [
            {
                "phone_number": number,
                "friendly_name": number,
                "iso_country": country,
                "locality": locality,
                "region": region,
                "address_requirements": "none",
                "beta": False,
                "capabilities": {"voice": True, "SMS": True, "MMS": True},
            }
            for number in free[:limit]
        ]

    def take(self, phone_number: str) -> OwnedNumber | None:
        """Sell a number; None when somebody has it already."""
        if self.find(phone_number) is not None:
            return None
        number = OwnedNumber(phone_number)
        self.owned[number.sid] = number
        return number

    def find(self, phone_number: str) -> OwnedNumber | None:
        """The owned number that reads so."""
        return next((each for each in self.owned.values() if each.phone_number == phone_number), None)
