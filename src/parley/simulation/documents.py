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
    """<Dial>: put the caller through to another number, which may ring for `timeout_s`; then ask `action` if given.

    With `answers_on_bridge` a call that was not answered yet stays so until the other party answers; that party's
    answering is reported to `answered_url`.
    """

    number: str
    caller_id: str
    action: str = ""
    timeout_s: float = 30.0
    answers_on_bridge: bool = False
    answered_url: str = ""


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
            return _dial(verb, base_url)
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
    return ConnectStream(url, parameters, _absolute(base_url, verb.get("action", "")))


def _dial(verb: ElementTree.Element, base_url: str) -> Dial:
    number = verb.find("Number")
    dialled = (verb.text if number is None else number.text) or ""
    told = number.attrib if number is not None else {}
    wants_answered = "answered" in told.get("statusCallbackEvent", "").split()
    try:
        timeout_s = float(verb.get("timeout", "30"))
    except ValueError:
        raise BadInput("The timeout of a <Dial> is a number of seconds.") from None
    return Dial(
        dialled.strip(),
        verb.get("callerId", ""),
        _absolute(base_url, verb.get("action", "")),
        timeout_s,
        verb.get("answerOnBridge", "false") == "true",
        _absolute(base_url, told.get("statusCallback", "")) if wants_answered else "",
    )


def _absolute(base_url: str, url: str) -> str:
    return urljoin(base_url, url) if url else ""
