"""Mail reaches the operator's server, and what that says comes back as what to do."""

from __future__ import annotations

import pytest

from parley.domain.errors import ProviderError
from parley.domain.secrets import Secret
from parley.providers.mail import SmtpMailer
from tests.emulators.smtp_server import Mood, SmtpEmulator


def mailer(server: SmtpEmulator, user: str = "", timeout_s: float = 15.0) -> SmtpMailer:
    return SmtpMailer(Secret(f"smtp://{user}127.0.0.1:{server.port}"), "parley@example.com", timeout_s=timeout_s)


async def test_a_mail_arrives_as_it_was_written() -> None:
    async with SmtpEmulator(password="p@ss word") as server:
        await mailer(server, "ann:p%40ss%20word@").send("bob@example.com", "Grüße", "Zwei Zeilen\nüber alles.\n.\nEnde")
    [mail] = server.mails
    assert mail.recipients == ("bob@example.com",)
    assert server.logins == [("ann", "p@ss word")]
    assert mail.message["To"] == "bob@example.com"
    assert mail.message["From"] == "parley@example.com"
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert mail.message["Message-ID"].endswith("@example.com>")
    text = mail.message.get_payload(decode=True)
    assert isinstance(text, bytes)
    assert text.decode().replace("\r\n", "\n").rstrip().replace("\n..", "\n.") == "Zwei Zeilen\nüber alles.\n.\nEnde"


@pytest.mark.parametrize(("refusal", "retryable"), [("450 mailbox busy", True), ("550 no such user", False)])
async def test_a_refusal_is_told_in_the_servers_words(refusal: str, retryable: bool) -> None:
    async with SmtpEmulator() as server:
        server.refusal = refusal
        with pytest.raises(ProviderError, match=refusal) as refused:
            await mailer(server).send("bob@example.com", "Hi", "Hello")
    assert refused.value.retryable is retryable


@pytest.mark.parametrize("mood", ["hangs", "breaks_off"])
async def test_a_broken_server_may_work_later(mood: Mood) -> None:
    async with SmtpEmulator() as server:
        server.mood = mood
        with pytest.raises(ProviderError, match="PARLEY_SMTP_URL") as broken:
            await mailer(server, timeout_s=0.3).send("bob@example.com", "Hi", "Hello")
    assert broken.value.retryable


async def test_a_wrong_password_is_final_and_in_no_message() -> None:
    async with SmtpEmulator(password="right") as server:
        with pytest.raises(ProviderError, match="535") as refused:
            await mailer(server, "ann:hunter2@").send("bob@example.com", "Hi", "Hello")
    assert not refused.value.retryable
    assert "hunter2" not in refused.value.message


async def test_a_subject_cannot_bring_headers_of_its_own() -> None:
    async with SmtpEmulator() as server:
        with pytest.raises(ProviderError, match="one line") as refused:
            await mailer(server).send("bob@example.com", "Hi\r\nBcc: eve@example.com", "Hello")
    assert server.mails == []
    assert not refused.value.retryable


async def test_an_address_in_encoded_words_is_one_recipient() -> None:
    to = "=?utf-8?q?eve=40evil.example=2Cmal?=@example.com"
    async with SmtpEmulator() as server:
        await mailer(server).send(to, "Hi", "Hello")
    [mail] = server.mails
    assert mail.recipients == (to,)


async def test_a_password_that_smtp_cannot_say_is_told_and_not_shown() -> None:
    async with SmtpEmulator(password="right") as server:
        with pytest.raises(ProviderError, match="ASCII") as refused:
            await mailer(server, "ann:gr%C3%BCn@").send("bob@example.com", "Hi", "Hello")
    assert not refused.value.retryable
    assert "grün" not in refused.value.message
