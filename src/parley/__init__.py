"""The phone platform for AI agents that you run yourself."""

__version__ = "0.1.0"
