"""Who answers which call: what a customer may say about it, what makes that wrong, and what it means for one call."""
