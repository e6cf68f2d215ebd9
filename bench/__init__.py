"""What a reply, an interruption and a call cost, measured on whole calls over the real wire. `make bench` runs it."""
