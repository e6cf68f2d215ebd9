"""Who can judge a call that is over."""
