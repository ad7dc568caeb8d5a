"""Domain work: no request, no commit, the time from the clock only."""
