"""Going on with the next provider when one fails: parts made of several, and what all calls know of each provider.

A part made of several looks like any other: whoever uses it need not know. When to give one up is not decided here but
by the conversation, with its own deadlines; a provider that says by itself that it is broken is left at once.
"""
