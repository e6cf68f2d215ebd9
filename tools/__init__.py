"""What the project checks about itself; none of it ships."""
