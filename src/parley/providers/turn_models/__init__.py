"""Models that hear whether a caller has finished, run on this machine from a file of the operator's."""
