"""What parley says to, and hears from, any carrier about numbers, calls and text messages."""

from __future__ import annotations

import msgspec

from parley.domain.secrets import Secret


class CarrierAccount(msgspec.Struct, frozen=True):
    """The account a carrier request is made with."""

    account_id: str
    token: Secret


class AvailableNumber(msgspec.Struct, frozen=True):
    """A number the carrier would sell now."""

    phone_number: str
    country: str
    locality: str = ""
    region: str = ""


class CarrierNumber(msgspec.Struct, frozen=True):
    """A number in the carrier account; `carrier_id` is the carrier's own id for it."""

    phone_number: str
    carrier_id: str


class NumberHooks(msgspec.Struct, frozen=True):
    """The absolute URLs a carrier calls for a number: when it rings, when a call on it changes status, when a text
    message comes in."""

    voice_url: str
    status_url: str
    message_url: str


class NumberSetup(msgspec.Struct, frozen=True):
    """Where the carrier says that it brings a number's calls and texts; empty where nowhere.

    `taken_by` names what the calls go to instead of `voice_url`: the carrier's own application, or a trunk.
    """

    voice_url: str = ""
    status_url: str = ""
    message_url: str = ""
    taken_by: str = ""


class CallHooks(msgspec.Struct, frozen=True):
    """The absolute URLs a carrier calls for one outbound call."""

    answer_url: str
    status_url: str
