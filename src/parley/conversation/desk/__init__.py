"""A call while no agent holds it: waiting, leaving a message, hearing an announcement. Facts in, wishes out, no clock.

Each stage is a machine of its own over what they share (`stage.StageMachine`), driven as a conversation is.
"""
