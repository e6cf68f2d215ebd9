"""`python -m tests.recordings`: play every situation and write its journal; what has no situation any more goes.

A journal is written only if the call came out as its story says.
"""

from __future__ import annotations

import sys

from tests.recordings.catalogue import FOLDER, SITUATIONS
from tests.recordings.telling import story_of


def main() -> int:
    wrong = 0
    for situation in SITUATIONS:
        journal = situation.journal()
        told = story_of(journal)
        if told != situation.story:
            wrong += 1
            sys.stdout.write(f"{situation.name}:\n  should be {situation.story}\n  but is    {told}\n")
        else:
            (FOLDER / f"{situation.name}.jsonl").write_bytes(journal)
    for path in FOLDER.glob("*.jsonl"):
        if path.stem not in {situation.name for situation in SITUATIONS}:
            path.unlink()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
