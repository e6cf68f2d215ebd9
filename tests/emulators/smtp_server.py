"""A mail server on loopback (RFC 5321): takes mails, refuses them on request, hangs, or breaks off."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from ssl import SSLContext
from types import TracebackType
from typing import Literal, Self

Mood = Literal["takes", "hangs", "breaks_off"]


@dataclass(frozen=True)
class Mail:
    """One mail as it came: the envelope and the parsed message."""

    sender: str
    recipients: tuple[str, ...]
    message: Message


class SmtpEmulator:
    """Serves until left. `refusal` is the reply to RCPT, where it is refused; `password` what AUTH PLAIN must give."""

    def __init__(self, tls: SSLContext | None = None, *, password: str = "") -> None:
        self.mails: list[Mail] = []
        self.refusal = ""
        self.mood: Mood = "takes"
        self.logins: list[tuple[str, str]] = []
        self._tls = tls
        self._password = password
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        assert self._server is not None, "enter the emulator first"
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sender, recipients = "", list[str]()
        writer.write(b"220 emulator ESMTP\r\n")
        while line := await reader.readline():
            words = line.decode().strip()
            verb = words.split(" ")[0].upper()
            if self.mood == "hangs":
                await asyncio.get_running_loop().create_future()
            if self.mood == "breaks_off":
                break
            if verb == "EHLO":
                auth = b"250-AUTH PLAIN\r\n" if self._password else b""
                writer.write(b"250-emulator\r\n" + auth + b"250 8BITMIME\r\n")
            elif verb == "AUTH":
                _, user, password = base64.b64decode(words.split(" ")[2]).decode().split("\0")
                self.logins.append((user, password))
                writer.write(b"235 in\r\n" if password == self._password else b"535 wrong password\r\n")
            elif verb == "MAIL":
                sender = words
                writer.write(b"250 ok\r\n")
            elif verb == "RCPT":
                recipients.append(words.partition("<")[2].partition(">")[0])
                writer.write(f"{self.refusal or '250 ok'}\r\n".encode())
            elif verb == "DATA":
                writer.write(b"354 go on\r\n")
                body = await reader.readuntil(b"\r\n.\r\n")
                self.mails.append(Mail(sender, tuple(recipients), message_from_bytes(body[:-3])))
                writer.write(b"250 taken\r\n")
            elif verb == "QUIT":
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(b"250 ok\r\n")
        writer.close()
