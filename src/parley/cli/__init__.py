"""What the `parley` command does, one file a subject, imported only when its command runs."""
