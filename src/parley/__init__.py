"""The phone platform for AI agents that you run yourself."""
