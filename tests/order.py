"""In which order the tests run, so that several processes are done with them at about the same time."""

from __future__ import annotations

import re

import pytest

_LONGEST = re.compile("tests/(bench/test_bench|demo/test_demo|api/test_fuzzed)")
_CALLS = re.compile("tests/journeys")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give each process the same share of what takes long, at its beginning; whole calls, which mostly wait, go between
    the others, which mostly reckon. A process that is done takes over from the end of another one's share."""
    processes = getattr(config, "workerinput", {}).get("workercount", 1)
    longest, calls, others = (
        [item for item in items if _LONGEST.match(item.nodeid)],
        [item for item in items if _CALLS.match(item.nodeid)],
        [item for item in items if not _LONGEST.match(item.nodeid) and not _CALLS.match(item.nodeid)],
    )
    shares = (
        longest[nth::processes] + _mixed(calls[nth::processes], _nth_part(others, nth, processes))
        for nth in range(processes)
    )
    items[:] = [item for share in shares for item in share]


def _mixed(few: list[pytest.Item], many: list[pytest.Item]) -> list[pytest.Item]:
    """Both in their order, the few spread over the many, one of the few first."""
    mixed = []
    for nth, item in enumerate(few):
        mixed += [item, *_nth_part(many, nth, len(few))]
    return mixed if few else many


def _nth_part(whole: list[pytest.Item], nth: int, parts: int) -> list[pytest.Item]:
    return whole[len(whole) * nth // parts : len(whole) * (nth + 1) // parts]
