"""Twilio: its REST interface, its webhooks and the media stream of a call."""

from parley.providers.carriers.twilio.carrier import Twilio

__all__ = ["Twilio"]
