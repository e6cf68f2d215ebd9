"""The door to whoever judges a call that is over: a language model that answers with a JSON document."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from parley.domain.analysis import Question
from parley.domain.secrets import Secret


class Answered(NamedTuple):
    """The document as it came, whatever it holds, and the model that gave it."""

    document: Any
    model: str


class Judge(Protocol):
    """Nothing is retried behind this door: whoever asked decides, by the error's `retryable`."""

    async def judge(self, question: Question, model: str, key: Secret) -> Answered:
        """Ask the model (empty: the provider's default) once. The answer's form is wanted, never promised.

        Raises ProviderError when there is no answer, or none that is a JSON document.
        """
        ...
