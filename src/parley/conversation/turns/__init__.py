"""The caller: which words belong to a turn, when it is over, and what words over the agent mean."""
