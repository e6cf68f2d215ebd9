"""When the caller's turn is over: how long they must have been quiet, by everything that is known of the pause.

Every wait counts from the end of the caller's own sound, and the longest reason to wait wins. The agent's least and
longest pause stand above all of it.

| known of the words | the recogniser heard a pause | settled only | not settled |
|---|---|---|---|
| a short answer | at once | `answer_settle_s` | `stale_words_s` |
| may be the end | at once, or the caller's own breath | `settle_s` | `stale_words_s` |
| an unfinished sentence | `incomplete_pause_s` | `settle_s` | `stale_words_s` |
| dictated, may go on | `dictated_pause_s` | `settle_s` | `stale_words_s` |
| dictated, not complete | `dictation_pause_s` | the same | the same |

The waits for somebody who goes on are stretched or cut to the caller's own pace. A recogniser made for the question
that is sure of the end is believed whatever the words are.
"""

from __future__ import annotations

from enum import Enum

import msgspec

from parley.conversation.rules import TurnRules
from parley.conversation.turns.finished import Ending
from parley.conversation.turns.pauses import OwnPauses
from parley.domain.agents import Conduct


class Claim(Enum):
    """What the recogniser says of the end, besides the words."""

    NONE = "nothing"
    PAUSE = "it heard a pause"
    CERTAIN = "it is sure that the turn is over"


class Evidence(msgspec.Struct, frozen=True):
    """What is known of the pause after the words. `probability` is the end-of-turn model's, where there is one."""

    ending: Ending
    is_settled: bool
    claim: Claim = Claim.NONE
    probability: float | None = None


def pause_s(seen: Evidence, rules: TurnRules, own: OwnPauses) -> float:
    """How long the caller must be quiet for the turn to be over, before the agent's own bounds."""
    if seen.claim is Claim.CERTAIN:
        return 0.0
    by_words_s = _by_words_s(seen, rules, own)
    if not seen.is_settled:
        return max(by_words_s, rules.stale_words_s)
    if seen.claim is Claim.PAUSE:
        return by_words_s
    is_sure = seen.ending is Ending.ANSWER or _thinks_over(seen, rules)
    return max(by_words_s, rules.answer_settle_s if is_sure else rules.settle_s)


def _by_words_s(seen: Evidence, rules: TurnRules, own: OwnPauses) -> float:
    pace = own.pace(rules.incomplete_pause_s)
    match seen.ending:
        case Ending.ANSWER:
            return 0.0
        case Ending.FINISHED:
            if _thinks_unfinished(seen, rules):
                return rules.incomplete_pause_s * pace
            return 0.0 if _thinks_over(seen, rules) else own.breath_s
        case Ending.UNFINISHED:
            return rules.judged_pause_s if _thinks_over(seen, rules) else rules.incomplete_pause_s * pace
        case Ending.MAYBE_DICTATED:
            return rules.dictated_pause_s * pace
        case Ending.DICTATED:
            return rules.dictation_pause_s * pace


def _thinks_over(seen: Evidence, rules: TurnRules) -> bool:
    return seen.probability is not None and seen.probability >= rules.judged_over


def _thinks_unfinished(seen: Evidence, rules: TurnRules) -> bool:
    return seen.probability is not None and seen.probability <= rules.judged_unfinished


class Pause(msgspec.Struct, frozen=True):
    """When it was what. All in call time, None where it was not.

    `words_at` is when the last words came, `voiced_until` when the sound that they were in ended. `quiet_since` is None
    while the caller makes sound; `stirred_at` is when the first sound began that brought no words yet.
    """

    words_at: float
    voiced_until: float
    quiet_since: float | None
    stirred_at: float | None = None


def turn_due(seen: Evidence, pause: Pause, rules: TurnRules, own: OwnPauses, conduct: Conduct) -> float:
    """The moment at which the turn is over if nothing more happens."""
    longest_s = max(conduct.longest_pause_s, 0.0)
    least_s = min(conduct.least_pause_s, longest_s)
    # Whoever makes sound without a word for so long is not talking to us.
    noise_until = max(pause.words_at, pause.stirred_at or 0.0) + max(longest_s, rules.noise_limit_s)
    if pause.quiet_since is None and (pause.stirred_at is not None or seen.claim is Claim.NONE):
        return noise_until
    quiet_since = pause.voiced_until if pause.quiet_since is None else pause.quiet_since
    due = pause.voiced_until + pause_s(seen, rules, own)
    if pause.stirred_at is not None:
        due = max(due, quiet_since + rules.noise_recheck_s)
    due = min(due, max(quiet_since, pause.voiced_until) + longest_s, noise_until)
    return max(due, quiet_since + least_s)
