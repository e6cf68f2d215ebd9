"""TwiML as the carrier reads it: a document becomes the steps it asks for (twilio.com/docs/voice/twiml)."""

from __future__ import annotations

from urllib.parse import urljoin
from xml.etree import ElementTree

import msgspec

from parley.domain.errors import BadInput


class ConnectStream(msgspec.Struct, frozen=True):
    """<Connect><Stream>: talk with a media server until the stream ends, then ask `action` if it is given."""

    stream_url: str
    parameters: dict[str, str]
    action: str


class Dial(msgspec.Struct, frozen=True):
    """<Dial>: put the caller through to another number."""

    number: str
    caller_id: str


class Redirect(msgspec.Struct, frozen=True):
    """<Redirect>: go on with another document."""

    url: str


class Pause(msgspec.Struct, frozen=True):
    """<Pause>: wait in silence."""

    length_s: float


class Hangup(msgspec.Struct, frozen=True):
    """<Hangup>: end the call."""


class Reject(msgspec.Struct, frozen=True):
    """<Reject>: decline the call unanswered."""


Step = ConnectStream | Dial | Redirect | Pause | Hangup | Reject


def read(document: str, base_url: str) -> list[Step]:
    """The steps of a document fetched from `base_url`; verbs this double cannot perform are passed over.

    Raises BadInput for what Twilio would call a document parse failure (its error 12100).
    """
    try:
        # The server under test wrote it; the parser of the standard library expands no external entities.
        root = ElementTree.fromstring(document.encode())  # noqa: S314
    except ElementTree.ParseError:
        raise BadInput("The answer is not XML: a carrier would drop the call.") from None
    if root.tag != "Response":
        raise BadInput("The answer is not TwiML: its root is not <Response>.")
    return [step for verb in root if (step := _step(verb, base_url)) is not None]


def _step(verb: ElementTree.Element, base_url: str) -> Step | None:
    match verb.tag:
        case "Connect":
            return _connect(verb, base_url)
        case "Dial":
            number = verb.findtext("Number") or verb.text or ""
            return Dial(number.strip(), verb.get("callerId", ""))
        case "Redirect":
            return Redirect(urljoin(base_url, (verb.text or "").strip()))
        case "Pause":
            return Pause(float(verb.get("length", "1")))
        case "Hangup":
            return Hangup()
        case "Reject":
            return Reject()
        case _:
            return None


def _connect(verb: ElementTree.Element, base_url: str) -> ConnectStream:
    stream = verb.find("Stream")
    if stream is None:
        raise BadInput("This simulated carrier can only connect to a <Stream>.")
    url = stream.get("url", "")
    if not url.startswith(("wss://", "ws://")) or "?" in url:
        raise BadInput("A stream URL begins with wss:// and cannot carry a query string.")
    parameters = {each.get("name", ""): each.get("value", "") for each in stream.findall("Parameter")}
    action = verb.get("action", "")
    return ConnectStream(url, parameters, urljoin(base_url, action) if action else "")
