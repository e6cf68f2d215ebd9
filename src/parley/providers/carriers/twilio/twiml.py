"""The answers Twilio understands: TwiML documents, everything in them escaped.

Source: twilio.com/docs/voice/twiml (connect, stream, dial, hangup, reject), twilio.com/docs/messaging/twiml.
"""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'


def connect(stream_url: str, token: str, after_url: str) -> str:
    """Stream both ways to `stream_url`; when the stream ends for whatever reason, ask `after_url` what next.

    A stream URL cannot carry a query string, so the token travels as a parameter and comes back in the start message.
    """
    return _document(
        f'<Connect action={quoteattr(after_url)} method="POST"><Stream url={quoteattr(stream_url)}>'
        f'<Parameter name="token" value={quoteattr(token)}/></Stream></Connect>'
    )


def forward(number: str, caller_id: str, after_url: str, answered_url: str, timeout_s: int) -> str:
    """Ring `number` for up to `timeout_s` and ask `after_url` what next, whatever became of it.

    A caller whose call is not answered yet hears it ring on (`answerOnBridge`). The called party's leg reports to
    `answered_url` when it is answered. Twilio adds about 5 s to a timeout, and takes 1 to 600.
    """
    timeout = min(max(timeout_s, 1), 600)
    return _document(
        f'<Dial callerId={quoteattr(caller_id)} timeout="{timeout}" answerOnBridge="true"'
        f' action={quoteattr(after_url)} method="POST"><Number statusCallback={quoteattr(answered_url)}'
        f' statusCallbackEvent="answered" statusCallbackMethod="POST">{escape(number)}</Number></Dial>'
    )


def hangup() -> str:
    """End the call."""
    return _document("<Hangup/>")


def reject() -> str:
    """Decline the call before it is answered; the caller hears busy and nobody is charged."""
    return _document('<Reject reason="busy"/>')


def nothing() -> str:
    """Answer a text message with nothing."""
    return _document("")


def _document(verbs: str) -> str:
    return f"{_HEAD}<Response>{verbs}</Response>"
