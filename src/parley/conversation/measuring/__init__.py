"""What is counted of a call."""
