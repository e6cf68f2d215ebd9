"""SIP OPTIONS, without a socket: the request as text, and what came back (RFC 3261, 7, 8 and 11; RFC 3581 for `rport`).

Every SIP server answers OPTIONS, with whatever status: an answer of any kind says that SIP is spoken there. Our own
addresses are told to nobody: `Via` names a host that does not exist, and answers come back to where the request came
from.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
from typing import Final

import msgspec

from parley.domain.network_tests import Transport

MAX_ANSWER_BYTES: Final = 16_384
_SELF: Final = "parley.invalid"
_STATUS_LINE: Final = re.compile(rb"SIP/2\.0 ([1-6]\d\d)(?: ([^\r\n]*))?\r?\n")
_LONG_NAMES: Final = {b"i": b"call-id", b"l": b"content-length", b"v": b"via"}


class Answer(msgspec.Struct, frozen=True):
    """A response: its status line, whom it is an answer to, and what the server calls itself."""

    status: int
    reason: str
    call_id: str
    number: int
    server: str


class Asker:
    """Writes the requests of one test, numbered from 1, and knows their answers again."""

    def __init__(self, host: str, port: int, transport: Transport, local_port: int) -> None:
        self._call_id = f"{secrets.token_hex(12)}@{_SELF}"
        self._tag = secrets.token_hex(6)
        self._transport = transport
        self._local_port = local_port
        shown = f"[{host}]" if _is_v6(host) else host
        scheme = "sips" if transport == "tls" else "sip"
        self._uri = f"{scheme}:{shown}:{port}" + (";transport=tcp" if transport == "tcp" else "")

    def request(self, number: int) -> bytes:
        """The OPTIONS with this number."""
        lines = (
            f"OPTIONS {self._uri} SIP/2.0",
            f"Via: SIP/2.0/{self._transport.upper()} {_SELF}:{self._local_port};branch={self._branch(number)};rport",
            "Max-Forwards: 70",
            f"From: <sip:probe@{_SELF}>;tag={self._tag}",
            f"To: <{self._uri}>",
            f"Call-ID: {self._call_id}",
            f"CSeq: {number} OPTIONS",
            f"Contact: <sip:probe@{_SELF}:{self._local_port};transport={self._transport}>",
            "Accept: application/sdp",
            "User-Agent: parley",
            "Content-Length: 0",
        )
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def _branch(self, number: int) -> str:
        return f"z9hG4bK{self._tag}{number}"

    def knows(self, answer: Answer) -> bool:
        """Whether this is an answer to one of ours."""
        return answer.call_id == self._call_id


def read_answer(data: bytes) -> Answer | None:
    """The response at the beginning of `data`; None for anything that is none."""
    line = _STATUS_LINE.match(data)
    if line is None or len(data) > MAX_ANSWER_BYTES:
        return None
    headers = _headers(data[line.end() :])
    number = re.match(rb"(\d{1,9})\s+OPTIONS$", headers.get(b"cseq", b""))
    if number is None:
        return None
    return Answer(
        status=int(line[1]),
        reason=_text(line[2] or b""),
        call_id=_text(headers.get(b"call-id", b"")),
        number=int(number[1]),
        server=_text(headers.get(b"server", b"") or headers.get(b"user-agent", b"")),
    )


class StreamReader:
    """Cuts responses out of a byte stream by their Content-Length (RFC 3261, 18.3)."""

    def __init__(self) -> None:
        self._data = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The whole messages so far. A peer that sends no end of a message is kept in bounds."""
        self._data = (self._data + data)[-2 * MAX_ANSWER_BYTES :].lstrip(b"\r\n")
        whole = []
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            length = _headers(self._data[:end]).get(b"content-length", b"0")
            total = end + 4 + (int(length) if length.isdigit() and len(length) < 6 else 0)
            if len(self._data) < total:
                break
            whole.append(self._data[:total])
            self._data = self._data[total:].lstrip(b"\r\n")
        return whole


def _headers(data: bytes) -> dict[bytes, bytes]:
    """Each header's first value, by its long name in lower case, up to the empty line."""
    found: dict[bytes, bytes] = {}
    for line in data.split(b"\r\n\r\n", 1)[0].splitlines():
        name, colon, value = line.partition(b":")
        if colon:
            short = name.strip().lower()
            found.setdefault(_LONG_NAMES.get(short, short), value.strip())
    return found


def _text(data: bytes) -> str:
    """What a stranger wrote, fit to be stored and shown."""
    return re.sub(r"[^\x20-\x7e]", "?", data.decode("ascii", "replace"))[:120]


def _is_v6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False
