"""Every hard situation, by what it is about."""
