"""Conversation and speaker together, through whatever happens: every word said by either side is written down once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from itertools import product
from string import ascii_lowercase

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from parley.conversation import facts, wishes
from parley.conversation.states import Agent
from parley.domain.agents import AgentSnapshot, Conduct, KeyEntry
from tests.conversation.telling import HOSTED, WEBHOOK
from tests.live.doubles import PlayingPhone
from tests.live.duet import Duet
from tests.searching import tries

_TOKEN = re.compile(r"\bx[a-z]{2}x\b")


class Life(Duet):
    """A caller and an agent who never say the same word twice."""

    def __init__(self, agent: AgentSnapshot) -> None:
        super().__init__(agent)
        self._new = ("x" + "".join(pair) + "x" for pair in product(ascii_lowercase, repeat=2))
        self.settled: list[str] = []
        self.segment = ""

    def word(self) -> str:
        return next(self._new)

    # ------------------------------------------------------------ the caller

    def begins(self) -> None:
        self.tell(facts.VoiceStarted(0.08))

    def grows(self) -> None:
        self.segment = f"{self.segment} {self.word()}".strip()
        self.tell(facts.WordsHeard(self.segment, may_end_turn=len(self.segment) > 12))

    def pauses(self) -> None:
        self.tell(facts.VoicePaused(0.06))

    def stops(self) -> None:
        self.tell(facts.VoiceStopped(0.24))

    def settles(self, ends: bool = True) -> None:
        text = self.segment or self.word()
        self.segment = ""
        if not self.conversation.is_over:
            self.settled += _TOKEN.findall(text)
        self.tell(facts.WordsHeard(f"{text}.", is_final=True, ends_turn=ends))

    def says_all(self) -> None:
        self.begins()
        self.wait(0.2)
        self.grows()
        self.wait(0.2)
        self.grows()
        self.pauses()
        self.wait(0.18)
        self.stops()
        self.wait(0.06)
        self.settles()

    # ------------------------------------------------------------ whoever answers

    @property
    def reply(self) -> int:
        asked = self.all(wishes.AskReply)
        return asked[-1].reply if asked else 0

    @property
    def is_webhook(self) -> bool:
        return self.conversation.agent.voice_mode == "webhook"

    def part(self) -> None:
        text = f"{self.word()} {self.word()}, {self.word()}. "
        self.tell(facts.ReplyText(self.reply, text, is_whole=self.is_webhook))

    def done(self) -> None:
        self.tell(facts.ReplyDone(self.reply))

    def answer(self) -> None:
        self.part()
        self.part()
        self.done()

    def breaks(self) -> None:
        self.speaker.detach(self.now)
        self.tell(facts.PartLost("carrier", "media_lost"), facts.VoiceStopped())

    def reconnects(self) -> None:
        again = PlayingPhone(self.speaker.played)
        again.now, again.played, again._broken_off_at = self.now, self.phone.played, [*self.phone._broken_off_at]
        again._broken_off_at.append(len(again.played))
        self.phone = again
        self.speaker.attach(again, self.now)
        self.tell(facts.PartRestored("carrier"))


def _break_and_come_back(call: Life) -> None:
    call.breaks()
    call.wait(0.5)
    call.reconnects()


def _come_back(call: Life) -> None:
    if call.conversation.agent_state is Agent.HANDING_OVER:
        call.tell(facts.TransferReturned("busy"))


def _murmur(call: Life) -> None:
    if not call.segment:
        call.tell(facts.WordsHeard("Mm-hm.", is_final=True, ends_turn=True))


def _break_or_mend_voice(call: Life) -> None:
    call.voice_works = not call.voice_works


_ACTS: dict[str, Callable[[Life], None]] = {
    "begins": Life.begins,
    "grows": Life.grows,
    "pauses": Life.pauses,
    "resumes": lambda call: call.tell(facts.VoiceResumed()),
    "stops": Life.stops,
    "settles": Life.settles,
    "settles only": lambda call: call.settles(ends=False),
    "gap": lambda call: call.tell(facts.UtteranceEnded()),
    "says": Life.says_all,
    "says more": Life.says_all,
    "mm-hm": _murmur,
    "key": lambda call: call.tell(facts.KeyPressed("1")),
    "part": Life.part,
    "done": Life.done,
    "answer": Life.answer,
    "answer soon": Life.answer,
    "digits": lambda call: call.tell(facts.ReplyDigits(call.reply, "12")),
    "hang up": lambda call: call.tell(facts.ReplyHangup(call.reply)),
    "transfer": lambda call: call.tell(facts.ReplyTransfer(call.reply)),
    "silent": lambda call: call.tell(facts.ReplySilent(call.reply)),
    "fails": lambda call: call.tell(facts.ReplyFailed(call.reply, "broke", call.is_webhook)),
    "comes back": _come_back,
    "line": lambda call: call.tell(facts.SayAsked(f"{call.word()} {call.word()}. ")),
    "notice": lambda call: call.tell(facts.SayAsked(f"{call.word()} {call.word()}. ", is_protected=True)),
    "take": lambda call: call.tell(facts.TakeOverAsked("ann", 3.0)),
    "give": lambda call: call.tell(facts.HandBackAsked(say=f"{call.word()}. ")),
    "voice": _break_or_mend_voice,
    "break": _break_and_come_back,
}
_AGENTS = st.builds(
    lambda agent, longest_s, conduct: msgspec.structs.replace(
        agent, conduct=conduct, greeting="Hello there. ", max_call_duration_s=longest_s
    ),
    st.sampled_from([HOSTED, WEBHOOK]),
    st.sampled_from([6.0, 3600.0]),
    st.builds(
        Conduct,
        interruption_sensitivity=st.sampled_from([0.0, 0.45, 0.8, 1.0]),
        protects_greeting=st.booleans(),
        fillers=st.sampled_from([None, ()]),
        thinks_ahead=st.booleans(),
        gives_backchannel=st.booleans(),
        monologue_s=st.sampled_from([4.0, 180.0]),
        keys=st.sampled_from([KeyEntry(), KeyEntry(count=1)]),
    ),
)


def _spoken_by_caller(call: Life) -> Counter[str]:
    return Counter(_TOKEN.findall(" ".join(row.caller for row in call.conversation.ledger.rows)))


def _check_caller(call: Life) -> None:
    written = _spoken_by_caller(call)
    assert all(times == 1 for times in written.values()), f"written twice: {written}"
    assert not set(call.settled) - set(written), "settled words are lost"


def _check_agent(call: Life) -> None:
    remembered = Counter(
        _TOKEN.findall(" ".join(line.text for line in call.conversation.history() if line.role == "agent"))
    )
    assert all(times == 1 for times in remembered.values()), f"remembered twice: {remembered}"
    if not call.all(wishes.PlayClip) and not call.all(wishes.PressDigits):
        played = Counter(_TOKEN.findall(" ".join(call.phone.words())))
        assert all(times == 1 for times in played.values()), f"heard twice: {played}"
        loosely = " ".join(call.phone.words(keeps_broken=True))  # no space where one line was cut and another began
        assert all(word in loosely for word in remembered), "never heard"
        cuts = len(call.all(wishes.StopSpeech)) + 1
        assert len(set(played) - set(remembered)) <= cuts, "heard and not remembered"


def _check_latencies(call: Life) -> None:
    for row in call.conversation.ledger.rows:
        for line in row.lines:
            steps = [line.first_text_at, line.first_clause_at, line.synthesised_at, line.first_audio_at, line.heard_at]
            known = [at for at in steps if at is not None]
            assert known == sorted(known), f"{line}"


_moments = st.tuples(st.sampled_from([*_ACTS]), st.sampled_from([0.0, 0.1, 0.3, 0.8, 1.5]))


@tries(150)
@given(_AGENTS, st.lists(_moments, min_size=4, max_size=20))
@example(  # words are taken before they are settled, put back by a key, taken again, and then told once more
    msgspec.structs.replace(HOSTED, conduct=Conduct(keys=KeyEntry(count=1))),
    [("grows", 0.8), ("pauses", 1.5), ("key", 0.0), ("grows", 0.0)],
)
def test_whatever_happens_every_word_is_written_down_once(agent: AgentSnapshot, acts: list[tuple[str, float]]) -> None:
    call = Life(agent)
    call.connect()
    call.wait(0.5)
    for act, pause in acts:
        _ACTS[act](call)
        call.wait(pause)
    call.tell(facts.VoiceStopped())
    call.wait(2)
    call.tell(facts.HungUp())
    _check_caller(call)
    _check_agent(call)
    _check_latencies(call)
