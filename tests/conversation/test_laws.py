"""Random lives of a conversation: whatever happens in whatever order, its laws hold."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from parley.conversation import facts, wishes
from parley.conversation.journals.journal import Entry, Header, encode
from parley.conversation.journals.replay import replay
from parley.conversation.machine import Conversation
from parley.conversation.rules import TurnRules
from parley.domain.agents import AgentSnapshot, Conduct
from tests.conversation.laws import Laws
from tests.conversation.telling import HOSTED, WEBHOOK
from tests.searching import tries

_EAGER = Conduct(thinks_ahead=True, gives_backchannel=True, monologue_s=30.0)
_AGENTS = (
    HOSTED,
    WEBHOOK,
    msgspec.structs.replace(HOSTED, conduct=_EAGER, greeting="Hello, this is Ada.", transfer_number=""),
    msgspec.structs.replace(WEBHOOK, conduct=msgspec.structs.replace(_EAGER, interruption_sensitivity=0.0)),
    msgspec.structs.replace(HOSTED, conduct=msgspec.structs.replace(_EAGER, protects_greeting=True)),
)
_TEXTS = st.sampled_from(
    ["Yes.", "I would like to", "My number is four one five", "mm-hm", "Stop", "What time do you close?", "bye", ""]
)
_ANSWERS = st.sampled_from(["We close at nine. ", "One moment, ", "Sure", "<tool_call>x</tool_call> Hi. ", "Bye. "])
_PAUSES = st.sampled_from([0.0, 0.02, 0.1, 0.3, 0.8, 1.5, 4.0])


class Call(RuleBasedStateMachine):
    """The outside world tells facts; the numbers of replies are mostly those the conversation asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.entries: list[Entry] = []
        self.asked: list[int] = []
        self.said: dict[int, int] = {}
        self.pauses = 0

    @initialize(agent=st.sampled_from(_AGENTS), is_prepared=st.booleans())
    def begin(self, agent: AgentSnapshot, is_prepared: bool) -> None:
        self.agent = agent
        self.conversation = Conversation(agent)
        self.laws = Laws(self.conversation)
        if is_prepared:
            self.tell(facts.CallPrepared())
        self.tell(facts.CallConnected())

    def tell(self, fact: facts.AnyFact) -> None:
        self.keep(Entry(self.now, fact, self.conversation.handle(fact, self.now)))

    def keep(self, entry: Entry) -> None:
        self.entries.append(entry)
        for wish in entry.wishes:
            match wish:
                case wishes.AskReply():
                    self.asked.append(wish.reply)
                case wishes.Say():
                    self.said[wish.reply] = self.said.get(wish.reply, 0) + len(wish.text)
                case wishes.PlayClip():
                    self.said[wish.reply] = 20
                case wishes.JudgeTurn():
                    self.pauses = wish.pause
        self.laws.check(entry)

    @rule(seconds=_PAUSES)
    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while (at := self.conversation.next_deadline()) is not None and at <= end:
            self.now = max(self.now, at)
            self.keep(Entry(self.now, None, self.conversation.handle_deadline(self.now)))
        self.now = end

    # ------------------------------------------------------------ the caller

    @rule(what=st.sampled_from([facts.VoiceStarted(0.08), facts.VoiceStopped(0.24)]))
    def makes_sound(self, what: facts.AnyFact) -> None:
        self.tell(what)

    @rule(what=st.sampled_from([facts.VoicePaused(0.06), facts.VoiceResumed()]))
    def pauses_within(self, what: facts.AnyFact) -> None:
        self.tell(what)

    @rule(text=_TEXTS, is_final=st.booleans(), ends=st.booleans(), certain=st.booleans(), may=st.booleans())
    def is_heard(self, text: str, is_final: bool, ends: bool, certain: bool, may: bool) -> None:
        self.tell(facts.WordsHeard(text, is_final, is_final and ends, is_final and ends and certain, 1.0, may))

    @rule(text=_TEXTS.filter(bool))
    def says_a_whole_sentence(self, text: str) -> None:
        self.tell(facts.VoiceStarted(0.08))
        self.tell(facts.WordsHeard(text.split()[0]))
        self.tell(facts.WordsHeard(text))
        self.tell(facts.VoicePaused(0.06))
        self.tell(facts.VoiceStopped(0.24))
        self.tell(facts.WordsHeard(text, is_final=True, ends_turn=True))

    @rule()
    def falls_silent_for_long(self) -> None:
        self.tell(facts.UtteranceEnded())

    @rule(digit=st.sampled_from("019*#"))
    def presses(self, digit: str) -> None:
        self.tell(facts.KeyPressed(digit))

    # ------------------------------------------------------------ whoever answers

    def reply(self, is_stale: bool) -> int:
        return self.asked[0 if is_stale else -1] if self.asked else 1

    @rule(text=_ANSWERS, is_stale=st.booleans(), is_done=st.booleans())
    def answers(self, text: str, is_stale: bool, is_done: bool) -> None:
        number = self.reply(is_stale)
        self.tell(facts.ReplyText(number, text, is_whole=self.agent.voice_mode == "webhook"))
        if is_done:
            self.tell(facts.ReplyDone(number))

    @rule(is_stale=st.booleans(), kind=st.sampled_from([facts.ReplyHangup, facts.ReplyTransfer, facts.ReplySilent]))
    def acts(self, is_stale: bool, kind: Any) -> None:
        self.tell(kind(self.reply(is_stale)))

    @rule(is_stale=st.booleans())
    def presses_for_it(self, is_stale: bool) -> None:
        self.tell(facts.ReplyDigits(self.reply(is_stale), "12"))

    @rule(is_stale=st.booleans())
    def is_done(self, is_stale: bool) -> None:
        self.tell(facts.ReplyDone(self.reply(is_stale)))

    @rule(is_stale=st.booleans())
    def fails(self, is_stale: bool) -> None:
        silent = self.agent.voice_mode == "webhook"
        self.tell(facts.ReplyFailed(self.reply(is_stale), "broke_off", silent))

    # ------------------------------------------------------------ the voice and the phone

    def line(self, data: st.DataObject) -> int:
        return data.draw(st.sampled_from(sorted(self.said)[-3:])) if self.said else 1

    @precondition(lambda self: self.said)
    @rule(data=st.data(), part=st.floats(0.1, 1.0))
    def plays(self, data: st.DataObject, part: float) -> None:
        number = self.line(data)
        self.tell(facts.SpeechSynthesised(number))
        self.tell(facts.SpeechStarted(number))
        self.tell(facts.SpeechHeard(number, int(self.said[number] * part)))

    @precondition(lambda self: self.said)
    @rule(data=st.data())
    def plays_to_the_end(self, data: st.DataObject) -> None:
        number = self.line(data)
        self.tell(facts.SpeechHeard(number, self.said[number]))
        self.tell(facts.SpeechEnded(number))

    @precondition(lambda self: self.said)
    @rule(data=st.data(), kind=st.sampled_from(["starved", "failed"]))
    def voice_breaks(self, data: st.DataObject, kind: str) -> None:
        number = self.line(data)
        self.tell(facts.SpeechStarved(number) if kind == "starved" else facts.SpeechFailed(number, "broke_off"))

    # ------------------------------------------------------------ parts, and people beside the call

    @rule(part=st.sampled_from(["speech_to_text", "carrier"]), is_back=st.booleans())
    def part_breaks(self, part: Any, is_back: bool) -> None:
        self.tell(facts.PartRestored(part) if is_back else facts.PartLost(part, "connection"))

    @rule(part=st.sampled_from(["speech_to_text", "text_to_speech", "responder"]))
    def part_is_replaced(self, part: Any) -> None:
        self.tell(facts.PartReplaced(part, "stalled"))

    @rule(probability=st.floats(0, 1))
    def is_judged(self, probability: float) -> None:
        self.tell(facts.TurnJudged(self.pauses, probability))

    @rule(what=st.sampled_from([facts.SayAsked("Please hold."), facts.Whispered("Be brief."), facts.HandBackAsked()]))
    def somebody_asks(self, what: facts.AnyFact) -> None:
        self.tell(what)

    @rule(for_s=st.sampled_from([0.5, 10.0]))
    def human_takes_over(self, for_s: float) -> None:
        self.tell(facts.TakeOverAsked("ann", for_s))

    @rule(outcome=st.sampled_from(["busy", "no_answer"]))
    def transfer_returns(self, outcome: str) -> None:
        self.tell(facts.TransferReturned(outcome))

    @precondition(lambda self: len(self.entries) > 15)
    @rule(
        what=st.sampled_from(
            [
                facts.HungUp(),
                facts.EndAsked(),
                facts.TransferAsked("+15550100", "One moment."),
                facts.PartFailed("speech_to_text", "gone"),
            ]
        )
    )
    def ends(self, what: facts.AnyFact) -> None:
        self.tell(what)

    # ------------------------------------------------------------ afterwards

    @invariant()
    def history_is_what_was_heard(self) -> None:
        if hasattr(self, "conversation"):
            spoken = [line.text for line in self.conversation.history() if line.role == "agent"]
            heard = [row.heard_text for row in self.conversation.ledger.rows if row.heard_text is not None]
            assert sorted(spoken) == sorted(heard)

    def teardown(self) -> None:
        """Left alone, every call comes to its end, and its journal runs again to the same."""
        if not hasattr(self, "conversation"):
            return
        end = self.now + self.agent.max_call_duration_s + 60
        steps = 0
        while not self.conversation.is_over:
            at = self.conversation.next_deadline()
            assert at is not None and at <= end and (steps := steps + 1) < 500, "it never ends"
            self.now = max(self.now, at)
            self.keep(Entry(self.now, None, self.conversation.handle_deadline(self.now)))
        journal = [encode(Header("call_1", self.agent, TurnRules())), *(encode(entry) for entry in self.entries)]
        assert replay(journal).difference is None


def test_the_laws_hold_in_random_lives() -> None:
    run_state_machine_as_test(Call, settings=tries(150))
