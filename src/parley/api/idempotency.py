"""The header Idempotency-Key: a POST that carries one is run once, however often it is sent.

Kept and repeated is every answer of a request that ran: what was done, what was refused, what the carrier said. What
was refused before anything could happen (no valid API key, a malformed body, too many requests, a server that is
stopping) frees the key. After a fault of ours, or a database that went away in the middle, nobody knows what was done,
and the key is refused from then on.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from parley.api.operations import Ask
from parley.domain.errors import BadInput, Draining, ParleyError, TooManyRequests, Unauthorized
from parley.services.idempotency import Kept

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotent-Replayed"
MAX_KEY_CHARS = 255
KEY_PATTERN = "^[!-~]([ -~]*[!-~])?$"

_DID_NOTHING = (Draining, TooManyRequests, Unauthorized)
_BAD_GATEWAY = 502


async def answer_once(
    ask: Ask[Any, Any],
    request: Request,
    sent: Mapping[str, Any],
    run: Callable[[], Awaitable[Response]],
    refuse: Callable[[ParleyError], Response],
) -> Response:
    """What `run` answers, or what it answered to the first of several equal requests.

    `sent` is the parsed body; `refuse` words an error, because a refusal is an answer and kept like one. POST
    operations answer JSON. Raises BadInput, KeyReused, KeyInUse, OutcomeUnknown, and what is not kept.
    """
    key = key_of(request) if request.method == "POST" else None
    if key is None:
        return await run()
    first = await ask.services.idempotency.begin(ask.project_id, key, fingerprint(request, sent))
    if isinstance(first, Kept):
        headers = {REPLAYED_HEADER: "true"}
        return Response(first.body, first.status, headers, media_type="application/json")
    async with first:
        try:
            response = await run()
        except _DID_NOTHING:
            await first.free()
            raise
        except ParleyError as refused:
            if not is_kept(refused.status):
                raise
            response = refuse(refused)
        await first.keep(response.status_code, bytes(response.body))
        return response


def is_kept(status: int) -> bool:
    """Whether an error that a request ran into is its answer from then on. Other faults leave it unknown."""
    return status < 500 or status == _BAD_GATEWAY


def key_of(request: Request) -> str | None:
    """The request's key. Raises BadInput for one that is empty, too long, not printable ASCII, or sent twice."""
    sent = request.headers.getlist(HEADER)
    if not sent:
        return None
    key = sent[0]
    if len(sent) > 1 or len(key) > MAX_KEY_CHARS or not re.fullmatch(KEY_PATTERN, key):
        raise BadInput(
            f"Send one {HEADER} of 1 to {MAX_KEY_CHARS} printable ASCII characters; a random UUID is a good one."
        )
    return key


def fingerprint(request: Request, sent: Mapping[str, Any]) -> str:
    """The same for requests that ask for the same thing: SHA-256 over method, path, query and body, where neither the
    order of names nor white space counts."""
    query = sorted(request.query_params.multi_items())
    asked = json.dumps([request.method, request.url.path, query, sent], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(asked.encode()).hexdigest()
