"""A call written down, run again, and told in words."""
