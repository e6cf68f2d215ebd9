"""What a test's report says of the conversation: what was said, what was understood, how fast, and how it ended."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from parley.domain.call_tests import CallSeen
from parley.domain.calls import ENDED
from parley.domain.decisions import Decision
from parley.services.call_test_report import CallWritten, untested
from parley.services.checks import Check, check, during

_NAMES = ("greeting", "recognition", "reply", "agent_words", "hang_up", "records")
_EARS, _VOICE, _REST = "speech_to_text", ("text_to_speech", "voice_"), ("speech_to_text", "text_to_speech", "voice_")
_UNDERSTOOD = 0.5
"""The share of the caller's words that has to be recognised as said."""
_SLOW_MS = 2000


def conversation(seen: CallSeen, written: CallWritten | None, decision: Decision | None = None) -> Iterator[Check]:
    """From the agent's first audio to the record of the call; only an agent has to understand and answer."""
    if seen.connected_ms is None or written is None:
        yield from untested(_NAMES, "There was no conversation.")
        return
    instead = stood_in(written, decision)
    yield _greeting(seen, written, instead)
    if instead:
        yield from untested(("recognition", "reply"), _INSTEAD[instead])
    else:
        yield _recognition(seen, written)
        yield _reply(seen, written)
    yield _agent_words(seen, written)
    yield _hang_up(seen, instead)
    yield _records(written)


_INSTEAD = {
    "voicemail": "The caller met voicemail, which records and answers nothing.",
    "announcement": "The caller met an announcement, which nobody has to answer.",
    "queue": "The caller waited in the queue and no agent became free meanwhile.",
}


def stood_in(written: CallWritten, decision: Decision | None) -> str:
    """What the caller met in an agent's place: `voicemail`, `announcement` or `queue`.

    Empty for an agent, also for one that broke down and gave way.
    """
    if written.problems:
        return ""
    action = decision.action if decision is not None else "agent"
    if written.end_reason == "message_taken" or action == "voicemail":
        return "voicemail"
    if written.end_reason == "announced" or action == "announcement":
        return "announcement"
    return "queue" if action == "queue" and not written.lines else ""


def _greeting(seen: CallSeen, written: CallWritten, instead: str) -> Check:
    troubles = written.had(*_VOICE)
    if troubles:
        provider = written.agent.voice.provider
        fix = f"Check the key of `{provider}`, the voice's id and the provider's status page."
        return check("greeting", "failed", f"The agent's voice failed: {', '.join(troubles)}.", fix)
    if seen.greeting_ms is not None:
        detail = f"The {instead} was heard at once." if instead else "The agent spoke first."
        return check("greeting", "passed", detail, at_ms=seen.connected_ms, took_ms=seen.greeting_ms)
    if instead:
        fix = f"Check the voice provider `{written.agent.voice.provider}`, its key, and this server's log."
        return check("greeting", "failed", f"The {instead} was not heard.", fix)
    if not written.agent.greeting:
        return check("greeting", "not_tested", "The agent has no begin message and waits for the caller to speak.")
    fix = f"Check the voice provider `{written.agent.voice.provider}`, its key, and the call's problems."
    return check("greeting", "failed", "The agent has a begin message and was not heard.", fix)


def _recognition(seen: CallSeen, written: CallWritten) -> Check:
    said = [word for line in seen.lines for word in _words(line.text)]
    heard = Counter(word for caller, _ in written.lines for word in _words(caller))
    provider = written.agent.listen.provider
    key = f"Check the key of `{provider}` and the provider's status page."
    gave_up = written.had(f"{_EARS}_failed")
    if gave_up:
        return check("recognition", "failed", f"The recogniser gave up: {', '.join(gave_up)}.", key)
    if not said:
        return check("recognition", "not_tested", "The caller came to say nothing.")
    lost = written.had(_EARS)
    if not heard:
        detail = "Nothing of what the caller said was recognised." + (f" {', '.join(lost)}." if lost else "")
        return check("recognition", "failed", detail, key, at_ms=seen.lines[0].at_ms)
    share = sum((Counter(said) & heard).values()) / len(said)
    detail = f"{share:.0%} of the caller's {len(said)} words were recognised as they were said."
    if share < _UNDERSTOOD:
        fix = "Check that the agent's language and the recogniser's model are those of the caller."
        return check("recognition", "failed", detail, fix, at_ms=seen.lines[0].at_ms)
    return check("recognition", "passed", detail, at_ms=seen.lines[0].at_ms)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


def _reply(seen: CallSeen, written: CallWritten) -> Check:
    answered = [line.reply_ms for line in seen.lines if line.reply_ms is not None]
    troubles = [code for code in written.problems if not code.startswith(_REST)]
    if written.agent.voice_mode == "hosted":
        fix = f"Check the key, the model's name and the limits at `{written.agent.model.provider}`."
    else:
        fix = "Test the webhook by itself (POST /v1/webhooks/test); its deliveries say what it answered."
    if troubles:
        return check("reply", "failed", f"The answer failed: {', '.join(dict.fromkeys(troubles))}.", fix)
    if not seen.lines:
        return check("reply", "not_tested", "The caller came to ask nothing.")
    if not answered:
        if seen.ended_by == "agent":
            return check("reply", "passed", "The agent ended the call instead of answering.")
        return check("reply", "failed", "The agent did not answer the caller.", fix)
    times = ", ".join(f"{each} ms" for each in answered)
    slow = " Callers take more than two seconds for a broken line." if max(answered) > _SLOW_MS else ""
    detail = f"The agent answered {len(answered)} of {len(seen.lines)} sentences, after {times}.{slow}"
    if len(answered) < len(seen.lines) and seen.ended_by != "agent" and not seen.is_cut_short:
        return check("reply", "failed", detail, fix, took_ms=max(answered))
    return check("reply", "passed", detail, took_ms=max(answered))


def _agent_words(seen: CallSeen, written: CallWritten) -> Check:
    if seen.agent_words:
        detail = f"{seen.agent_audio_ms} ms of speech were heard and understood."
        return check("agent_words", "passed", detail, took_ms=seen.agent_audio_ms)
    if not seen.agent_audio_ms:
        return check("agent_words", "not_tested", "No speech was heard.")
    if seen.agent_words_why:
        return check("agent_words", "not_tested", f"Speech was heard, and {seen.agent_words_why}.")
    fix = "Listen to it: ring the number, or set another voice. Tones and recorded clips are no words."
    status = "not_tested" if written.problems or written.agent.voice.provider == "tone" else "failed"
    return check("agent_words", status, "Speech was heard, and no word of it was recognised.", fix)


def _hang_up(seen: CallSeen, instead: str) -> Check:
    contact = seen.hang_up
    if contact is None:
        return check("hang_up", "not_tested", "The call was not over when the test was.")
    who = "The caller" if seen.ended_by != "agent" else "This server" if instead else "The agent"
    if contact.is_good:
        return during(contact, check("hang_up", "passed", f"{who} hung up, and the status callback was accepted."))
    told = f"HTTP {contact.status}" if contact.status else contact.error
    fix = "Let the proxy pass /carriers on unchanged; without this report a call seems to go on."
    return during(contact, check("hang_up", "failed", f"The status callback was not accepted ({told}).", fix))


def _records(written: CallWritten) -> Check:
    told = f"Its end is `{written.end_reason}`; {written.events} events were recorded for webhooks and subscriptions."
    if written.end_reason == "transferred":
        told += " The agent handed the caller to its transfer number; a test rings nobody."
    if written.status not in ENDED:
        fix = "Look at this server's log for the call's id, and end the call over the API."
        return check("records", "failed", "The call is still shown as running.", fix)
    if written.status == "failed":
        fix = "The call's problems say what failed; mend that and test again."
        return check("records", "failed", f"The call is recorded as failed. {told}", fix)
    return check("records", "passed", f"The call is recorded as completed. {told}")
