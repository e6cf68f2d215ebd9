"""Hard situations, each kept as a journal: a conversation of today makes the same story of the same facts."""

from __future__ import annotations

import pytest

from parley.conversation.journals.explanation import explain
from parley.conversation.journals.replay import replay
from tests.recordings.catalogue import FOLDER, SITUATIONS
from tests.recordings.scene import Situation
from tests.recordings.telling import story_of

_NAMES = [situation.name for situation in SITUATIONS]
# What users of such products suffer from most, by number, as the situations name it.
_PAINS = {"2", "5", "6", "7", "8", "12", "17", "18", "19", "20", "21", "25"}


@pytest.mark.parametrize("situation", SITUATIONS, ids=_NAMES)
def test_the_call_comes_out_as_it_should(situation: Situation) -> None:
    journal = (FOLDER / f"{situation.name}.jsonl").read_bytes()
    assert story_of(journal) == situation.story
    assert replay(journal.splitlines(keepends=True)).difference is None
    assert not any(step.recorded for step in explain(journal.splitlines(keepends=True)))


@pytest.mark.parametrize("situation", SITUATIONS, ids=_NAMES)
def test_the_recording_is_of_this_situation(situation: Situation) -> None:
    """One that was not recorded again after its script or the speaker changed tells of another call."""
    recorded = (FOLDER / f"{situation.name}.jsonl").read_bytes()
    assert recorded == situation.journal(), "run `python -m tests.recordings` and look at what changed"


def test_every_recording_has_a_situation_and_every_pain_a_recording() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.jsonl")) == sorted(_NAMES)
    assert len(set(_NAMES)) == len(_NAMES) >= 30
    assert {pain.strip() for situation in SITUATIONS for pain in situation.pain.split(":")[0].split(",")} == _PAINS
