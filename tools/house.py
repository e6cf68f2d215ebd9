"""The house rules that ruff, mypy and the import contracts cannot see. `make check` runs them.

    python -m tools.house          says what breaks a rule, one line each, and exits 1 if anything does

A rule is a function from one file to its problems. Laws about imports live in pyproject.toml, matters of style in ruff.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
MAX_ATTRIBUTES = 10

PURE_FLOORS = ("src/parley/domain/", "src/parley/audio/", "src/parley/conversation/")
PURE_TESTS = ("tests/domain/", "tests/audio/", "tests/conversation/")
# Floors that must not know which company is on the other side. Storage keeps rows, the providers speak to vendors.
VENDOR_FREE = ("src/parley/api/", "src/parley/live/", "src/parley/services/", "src/parley/conversation/")
VENDORS = re.compile(r"twilio|deepgram|eleven_?labs|openai", re.IGNORECASE)
# Written with a bracket in each word, so that this file does not break its own rule.
FORBIDDEN = re.compile(
    r"(?:^|[\s\"'=:(])/(?:[w]ork|[r]oot|[h]ome|[U]sers|[o]pt|[f]arm)/[\w.]"
    r"|[p]ypi\.org|[p]ythonhosted\.org|[r]egistry\.npmjs|[d]eb\.debian\.org"
)
LOCKS = re.compile(r"requirements.*\.lock$")


class Problem(NamedTuple):
    """One broken rule at one line; `sentence` says what to do instead."""

    path: str
    line: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.sentence}"


@dataclass(frozen=True)
class SourceFile:
    """A text file of the repository; `tree` is its syntax when it is Python."""

    path: str
    text: str
    tree: ast.Module | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if self.path.endswith(".py"):
            object.__setattr__(self, "tree", ast.parse(self.text, self.path))

    @property
    def is_test(self) -> bool:
        return self.path.startswith("tests/")

    @property
    def ships(self) -> bool:
        return self.path.startswith("src/")

    def nodes(self) -> Iterator[ast.AST]:
        return ast.walk(self.tree) if self.tree is not None else iter(())


def dotted(node: ast.AST) -> str:
    """`a.b.c` for a chain of names, else the empty string."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else f"?.{node.attr}"
    return ""


def size(file: SourceFile) -> Iterator[Problem]:
    lines = file.text.count("\n")
    if file.tree is not None and lines > MAX_FILE_LINES:
        yield Problem(file.path, lines, f"{lines} lines; split the file, {MAX_FILE_LINES} is the limit")


def shape(file: SourceFile) -> Iterator[Problem]:
    """Functions fit on a screen, and an object holds few enough things to keep in mind."""
    for node in file.nodes():
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if lines > MAX_FUNCTION_LINES:
            sentence = f"{node.name} has {lines} lines; cut it into steps, {MAX_FUNCTION_LINES} is the limit"
            yield Problem(file.path, node.lineno, sentence)
        if node.name == "__init__" and file.ships:
            own = {target.attr for target in _assigned(node) if dotted(target) == f"self.{target.attr}"}
            if len(own) > MAX_ATTRIBUTES:
                sentence = f"__init__ sets {len(own)} attributes; group them, {MAX_ATTRIBUTES} is the limit"
                yield Problem(file.path, node.lineno, sentence)


def _assigned(function: ast.AST) -> Iterator[ast.Attribute]:
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node


def promise(file: SourceFile) -> Iterator[Problem]:
    """A shipped module says in its first line what it is for."""
    if file.ships and file.tree is not None and file.tree.body and ast.get_docstring(file.tree) is None:
        yield Problem(file.path, 1, "begin the module with a docstring that says what it promises")


def patching(file: SourceFile) -> Iterator[Problem]:
    """Tests use the doors the code has; what has to be replaced to be tested wants a better shape."""
    if not file.is_test:
        return
    for node in file.nodes():
        if isinstance(node, ast.ImportFrom | ast.Import):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            if any(name in {"mock", "unittest.mock", "pytest_mock"} for name in names):
                yield Problem(file.path, node.lineno, "no mocks: pass a double through the front door")
        if isinstance(node, ast.Call) and dotted(node.func) in {"monkeypatch.setattr", "monkeypatch.setitem"}:
            yield Problem(file.path, node.lineno, "no patching: pass a double through the front door")
        if isinstance(node, ast.Attribute) and dotted(node) in SKIPS:
            yield Problem(file.path, node.lineno, "nothing is skipped: mend it, or delete it")


SKIPS = {f"pytest{mark}.{word}" for mark in ("", ".mark") for word in ("skip", "skipif", "xfail", "importorskip")}


def clocks(file: SourceFile) -> Iterator[Problem]:
    """What is pure is tested by arithmetic, never by waiting."""
    if not file.path.startswith(PURE_TESTS + PURE_FLOORS):
        return
    for node in file.nodes():
        if isinstance(node, ast.Call) and dotted(node.func).endswith(".sleep"):
            yield Problem(file.path, node.lineno, "do not sleep here: pass the time in")


def concurrency(file: SourceFile) -> Iterator[Problem]:
    """Every task has a parent that waits for it; every queue has a bound."""
    if not file.ships:
        return
    for node in file.nodes():
        if not isinstance(node, ast.Call):
            continue
        name = dotted(node.func)
        if name in {"asyncio.create_task", "asyncio.ensure_future"} or name.endswith("loop.create_task"):
            yield Problem(file.path, node.lineno, "start tasks in a TaskGroup, so that none is forgotten")
        if name in {"asyncio.Queue", "queue.Queue"} and not (node.args or node.keywords):
            yield Problem(file.path, node.lineno, "give the queue a bound, and say what happens when it is full")


def transactions(file: SourceFile) -> Iterator[Problem]:
    """A change and the event that tells of it are one commit, because only one place commits."""
    if not file.ships or file.path == "src/parley/storage/database.py":
        return
    for node in file.nodes():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit":
            yield Problem(file.path, node.lineno, "only storage/database.py commits: use its transaction()")


def vendors(file: SourceFile) -> Iterator[Problem]:
    if not file.path.startswith(VENDOR_FREE):
        return
    for number, line in enumerate(file.text.splitlines(), start=1):
        if found := VENDORS.search(line):
            yield Problem(file.path, number, f"{found.group()!r}: no vendor's name above providers/")


def places(file: SourceFile) -> Iterator[Problem]:
    """The repository speaks of the product, not of a machine it was made on."""
    for number, line in enumerate(file.text.splitlines(), start=1):
        if found := FORBIDDEN.search(line):
            yield Problem(file.path, number, f"{found.group().strip()!r} does not belong into the repository")
        if LOCKS.search(file.path) and "://" in line:
            yield Problem(file.path, number, "a lock holds versions and hashes, never addresses")


RULES: tuple[Callable[[SourceFile], Iterator[Problem]], ...] = (
    size,
    shape,
    promise,
    patching,
    clocks,
    concurrency,
    transactions,
    vendors,
    places,
)


def problems_in(file: SourceFile) -> list[Problem]:
    return [problem for rule in RULES for problem in rule(file)]


def repository(root: Path) -> Iterator[SourceFile]:
    """Every text file git knows or would take."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        path = root / name
        if path.is_file() and b"\0" not in (content := path.read_bytes()):
            yield SourceFile(name, content.decode("utf-8", errors="replace"))


def stale_settings(root: Path) -> Iterator[Problem]:
    """`.env.example` is printed from the settings, so that no variable is forgotten in it."""
    printed = subprocess.run([sys.executable, "-m", "parley.settings"], capture_output=True, check=True, text=True)
    if (root / ".env.example").read_text(encoding="utf-8") != printed.stdout:
        yield Problem(".env.example", 1, "out of date: python -m parley.settings > .env.example")


def main() -> int:
    root = Path.cwd()
    problems = [problem for file in repository(root) for problem in problems_in(file)]
    problems += stale_settings(root)
    for problem in problems:
        print(problem)
    print(f"house rules: {len(problems)} broken" if problems else "house rules: kept")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
