"""Schemathesis tries every dialect's document against a running server, with all its checks: no server error, no status
and no shape that the document does not name, no request that is let in without a key.

Every run makes the same cases. They are spread over tests of about the same length, so that they can run side by side.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from parley.schemas.dialects import DIALECTS
from tests.api.documented import made_documents
from tests.api.fuzzed import REFUSED_BY_MEANING, SEED, Findings, Phases, Served, operations_of, served, tried

EACH: Phases = {"examples": None, "coverage": None}
FUZZED: Phases = {"fuzzing": 3, "stateful": 5}
KEY_HEADERS = {dialect.name: dialect.key_header for dialect in DIALECTS}

# Document, groups of operations, phases, and how many cases there are at least.
RUNS: list[tuple[str, list[str], Phases, int]] = [
    ("native", ["Calls", "Recordings"], EACH, 200),
    ("native", ["Agents", "Credentials", "Project"], EACH, 350),
    ("native", ["Messages", "Conversations", "Webhooks"], EACH, 300),
    ("native", ["Numbers", "Usage"], EACH, 200),
    ("native", ["Call routing"], EACH, 100),
    ("native", ["Live"], EACH, 60),
    ("native", ["Analytics", "Alerts"], EACH, 100),
    ("native", ["Queues", "Voicemail", "Diagnostics"], EACH, 100),
    ("native", [], FUZZED, 200),
    ("oneinbox", [], EACH, 150),
    ("oneinbox", [], FUZZED, 50),
    ("threetone", [], EACH, 200),
    ("threetone", [], FUZZED, 100),
]
NAMES = [" ".join([name, *tags, *phases]) for name, tags, phases, _ in RUNS]


@pytest.fixture(scope="session")
def server(postgres_url: str, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder: Path = tmp_path_factory.mktemp("fuzzed")
    with served(postgres_url, template_database, folder) as running:
        yield running


# The server draws its jitter in the same process, which Hypothesis takes for a test that cannot be repeated.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
@pytest.mark.parametrize(("document", "tags", "phases", "at_least"), RUNS, ids=NAMES)
def test_the_server_does_what_the_document_says(
    server: Served, document: str, tags: list[str], phases: Phases, at_least: int
) -> None:
    findings = tried(server, document, KEY_HEADERS[document], tags, phases)
    assert not findings.failures, f"found with seed {SEED}:\n{findings}"
    assert findings.cases.total() >= at_least, findings
    assert_no_call_lives_on(server)


def assert_no_call_lives_on(server: Served) -> None:
    """Calls to phones that are not plugged in fail by themselves: none may stay."""
    deadline = time.monotonic() + 60
    while live_calls(server) > 0:
        assert time.monotonic() < deadline, "calls to phones that are not plugged in stay live"
        time.sleep(0.1)


def live_calls(server: Served) -> float:
    shown = httpx.get(f"{server.url}/metrics").text
    return float(re.findall(r"^parley_live_calls (\S+)$", shown, re.MULTILINE)[0])


def test_every_group_is_tried_and_every_exception_is_needed() -> None:
    made = made_documents()
    for name in KEY_HEADERS:
        tried_tags = {tag for document, tags, _, _ in RUNS if document == name for tag in tags}
        assert not tried_tags or tried_tags == {tag["name"] for tag in made[name]["tags"]}
    assert REFUSED_BY_MEANING.keys() <= operations_of(made[""])
    assert sum(at_least for *_, at_least in RUNS) >= 2000


def test_findings_are_told_with_their_seed() -> None:
    findings = Findings(failures={("check", "GET /x", "title"): "curl"})
    assert str(SEED) in str(findings)
    assert "curl" in str(findings)
