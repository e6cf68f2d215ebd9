"""Room for a machine that is very busy where the product itself is in a hurry."""

from __future__ import annotations

from sqlalchemy.engine import URL


def patient(url: URL) -> str:
    """A database's URL for a server that waits for it: what the tests assert is what it answers, not how soon."""
    timeouts = dict.fromkeys(("connect_timeout", "command_timeout", "pool_timeout"), "60")
    return url.update_query_dict(timeouts).render_as_string(hide_password=False)
