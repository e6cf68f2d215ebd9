"""What the agent says without having been asked, so that a call never sounds dead."""
