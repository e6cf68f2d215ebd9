"""How Hypothesis searches: the same examples on every run, unless somebody asks for another search.

`PARLEY_TEST_SEARCH=20` asks for random examples, and for twenty times as many. How long an example takes is no finding
in either: a busy machine would make it one.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from hypothesis import HealthCheck, settings

USUAL_EXAMPLES = 100
_EFFORT = int(os.environ.get("PARLEY_TEST_SEARCH", "0"))
_UNTIMED = [HealthCheck.too_slow]

settings.register_profile(
    "parley",
    derandomize=not _EFFORT,
    max_examples=USUAL_EXAMPLES * max(_EFFORT, 1),
    deadline=None,
    suppress_health_check=_UNTIMED,
)
settings.load_profile("parley")


def tries(examples: int, *, allowing: Sequence[HealthCheck] = ()) -> settings:
    """For a test that wants another number of examples than the usual hundred."""
    return settings(max_examples=examples * max(_EFFORT, 1), suppress_health_check=[*_UNTIMED, *allowing])
