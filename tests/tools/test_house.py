"""Every house rule catches what it is for, and lets the allowed neighbour pass."""

from __future__ import annotations

import pytest

from tools.house import MAX_ATTRIBUTES, MAX_FILE_LINES, MAX_FUNCTION_LINES, SourceFile, problems_in

DOC = '"""What it is for."""\n'
LONG_FUNCTION = "def work() -> None:\n" + "    step()\n" * MAX_FUNCTION_LINES
MANY_FIELDS = "class Thing:\n    def __init__(self) -> None:\n" + "".join(
    f"        self.part_{number} = {number}\n" for number in range(MAX_ATTRIBUTES + 1)
)
FEW_FIELDS = (
    "class Thing:\n    def __init__(self, other: Other) -> None:\n        self.part = 1\n        self.part = 2\n"
)

BROKEN = [
    ("a file too long", "src/parley/live/a.py", DOC + "x = 1\n" * MAX_FILE_LINES),
    ("a function too long", "tests/test_a.py", LONG_FUNCTION),
    ("too many attributes", "src/parley/live/a.py", DOC + MANY_FIELDS),
    ("a module without a promise", "src/parley/live/a.py", "x = 1\n"),
    ("a mock", "tests/test_a.py", "from unittest.mock import Mock\n"),
    ("mock as a module", "tests/test_a.py", "from unittest import mock\n"),
    ("a patch", "tests/test_a.py", "def test_a(monkeypatch):\n    monkeypatch.setattr('a.b', 1)\n"),
    ("a skip", "tests/test_a.py", "@pytest.mark.skip\ndef test_a(): ...\n"),
    ("a conditional skip", "tests/test_a.py", "@pytest.mark.skipif(True, reason='')\ndef test_a(): ...\n"),
    ("waiting for pure code", "tests/conversation/test_a.py", "async def test_a():\n    await asyncio.sleep(1)\n"),
    ("a task without a parent", "src/parley/live/a.py", DOC + "asyncio.create_task(work())\n"),
    ("a queue without a bound", "src/parley/live/a.py", DOC + "inbox = asyncio.Queue()\n"),
    ("a second place that commits", "src/parley/services/a.py", DOC + "await session.commit()\n"),
    ("a vendor above the providers", "src/parley/api/a.py", DOC + "# what Twilio sends\n"),
    ("a machine's path", "README.md", "See /" + "root/parley for more.\n"),
    ("a registry's host", "Makefile", "pip install -i https://py" + "pi.org/simple\n"),
    ("an address in a lock", "requirements.lock", "--index-url https://example.com\n"),
]

ALLOWED = [
    ("a long text", "CHANGELOG.md", "line\n" * (MAX_FILE_LINES + 1)),
    ("an attribute set twice counts once", "src/parley/live/a.py", DOC + FEW_FIELDS),
    ("an empty package file", "src/parley/live/__init__.py", ""),
    ("the environment of a test", "tests/test_a.py", "def test_a(monkeypatch):\n    monkeypatch.setenv('A', 'b')\n"),
    ("waiting for a real process", "tests/journeys/test_a.py", "async def test_a():\n    await asyncio.sleep(0.1)\n"),
    ("a child of a task group", "src/parley/live/a.py", DOC + "group.create_task(work())\n"),
    ("a bounded queue", "src/parley/live/a.py", DOC + "inbox = asyncio.Queue(64)\n"),
    ("the one place that commits", "src/parley/storage/database.py", DOC + "await session.commit()\n"),
    ("a vendor in its adapter", "src/parley/providers/carriers/twilio.py", DOC + "# what Twilio sends\n"),
    ("an API path", "README.md", "GET /v1/calls, and /tmp is a fine place.\n"),
]


@pytest.mark.parametrize(("path", "text"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_a_broken_rule_is_named_once(path: str, text: str) -> None:
    (problem,) = problems_in(SourceFile(path, text))
    assert problem.path == path
    assert problem.sentence


@pytest.mark.parametrize(("path", "text"), [case[1:] for case in ALLOWED], ids=[case[0] for case in ALLOWED])
def test_what_is_allowed_passes(path: str, text: str) -> None:
    assert problems_in(SourceFile(path, text)) == []
