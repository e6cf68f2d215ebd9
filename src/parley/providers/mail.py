"""Mail through the operator's SMTP server (RFC 5321, 8314), by the standard library, in a thread of its own.

`smtps://` speaks TLS from the first byte. `smtp://` turns to TLS by STARTTLS where the server offers it, and sends a
password over nothing else, except to this machine.
"""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from urllib.parse import unquote, urlsplit

from parley.domain.errors import ProviderError, ProviderUnavailable
from parley.domain.secrets import Secret
from parley.providers.tls import socket_trust

TIMEOUT_S = 15.0
_PORTS = {"smtp": 587, "smtps": 465}
_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


class SmtpMailer:
    """`url` is `smtp(s)://user:password@host:port`, percent-encoded; `sender` is the From address.

    One mail at a time: alerts are few, and a slow server must not take the threads of others.
    """

    def __init__(self, url: Secret, sender: str, *, timeout_s: float = TIMEOUT_S) -> None:
        parts = urlsplit(url.reveal())
        self._is_tls = parts.scheme == "smtps"
        self._host = parts.hostname or ""
        self._port = parts.port or _PORTS[parts.scheme]
        self._user = unquote(parts.username or "")
        self._password = Secret(unquote(parts.password or ""))
        self._sender = sender
        self._timeout_s = timeout_s
        self._turn = asyncio.Lock()

    async def send(self, to: str, subject: str, text: str) -> None:
        """Hand one mail to the server. Raises ProviderError: retryable unless the server refused it for good.

        It goes to `to` and to nobody else, whatever the header means to those who read encoded words in it.
        """
        try:
            message = self._written(to, subject, text)
            async with self._turn:
                await asyncio.to_thread(self._send, to, message)
        except ValueError:  # a line end in a header, or letters that SMTP has no way to say
            raise ProviderError(
                "mail",
                "The mail cannot be sent as it is: its address and subject must be one line each, and the user and"
                " password in PARLEY_SMTP_URL plain ASCII.",
                retryable=False,
            ) from None

    def _written(self, to: str, subject: str, text: str) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._sender, to, subject
        message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain=self._sender.rpartition("@")[2])
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence note shall answer
        message.set_content(text)
        return message

    def _send(self, to: str, message: EmailMessage) -> None:
        try:
            with self._connected() as server:
                if self._user:
                    server.login(self._user, self._password.reveal())
                server.send_message(message, to_addrs=[to])
        except smtplib.SMTPRecipientsRefused as refused:
            code, words = next(iter(refused.recipients.values()))
            raise _refused(code, words) from None
        except smtplib.SMTPResponseException as refused:
            raise _refused(refused.smtp_code, refused.smtp_error) from None
        except (smtplib.SMTPException, OSError, ssl.SSLError) as trouble:
            kind = type(trouble).__name__
            raise ProviderUnavailable(
                "mail", f"The mail server did not take the mail ({kind}). Check PARLEY_SMTP_URL.", retryable=True
            ) from None

    def _connected(self) -> smtplib.SMTP:
        if self._is_tls:
            return smtplib.SMTP_SSL(self._host, self._port, timeout=self._timeout_s, context=socket_trust())
        server = smtplib.SMTP(self._host, self._port, timeout=self._timeout_s)
        try:
            server.ehlo()
            if server.has_extn("starttls"):
                server.starttls(context=socket_trust())
                server.ehlo()
            elif self._user and self._host not in _THIS_MACHINE:
                raise ProviderError(
                    "mail",
                    "The mail server offers no TLS, and a password is not sent without. Use smtps:// or another port.",
                    retryable=False,
                )
        except BaseException:
            server.close()
            raise
        return server


def _refused(code: int, words: bytes | str) -> ProviderError:
    """What the server said, in its own words. 4yz may work later, 5yz will not (RFC 5321, section 4.2.1)."""
    said = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return ProviderError("mail", f"The mail server refused the mail: {code} {said[:200]}", retryable=400 <= code < 500)
