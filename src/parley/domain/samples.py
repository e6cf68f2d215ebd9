"""What a webhook is sent when its owner wants to try it: about a message and a call that never were. Pure.

The numbers are of the kind kept for fiction, so that a handler that calls or writes back reaches nobody.
"""

from __future__ import annotations

from datetime import datetime

from parley.domain.events import Payload
from parley.domain.message_events import MessageFacts, message_event

TEST_EVENT = "webhook.test"
OUR_NUMBER = "+15555550100"
THEIR_NUMBER = "+15555550199"
TEST_NUMBER_ID = "num_test"
TEST_AGENT_ID = "agent_test"
TEST_CALL_ID = "call_test"
SPOKEN_TEST = "Hello, this is a test call. Can you hear me?"
_WRITTEN_TEST = "This is a test of your webhook."


def text_message(agent_id: str | None, context_limit: int, at: datetime) -> Payload:
    """`webhook.test` on the text channel, in the shape of an incoming message. A bare 200 is a good answer."""
    message = MessageFacts(
        message_id="msg_test",
        conversation_id="conv_test",
        number_id=TEST_NUMBER_ID,
        agent_id=agent_id,
        from_number=THEIR_NUMBER,
        to_number=OUR_NUMBER,
        body=_WRITTEN_TEST,
        direction="inbound",
        status="received",
        at=at,
    )
    return message_event(TEST_EVENT, message, at=at, history=[message], state=None, context_limit=context_limit)
