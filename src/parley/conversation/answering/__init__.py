"""The agent: from the text of an answer to its last heard word."""
