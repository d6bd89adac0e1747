"""Relations turned to their unknowns: matching, diagnosis, turning round, simultaneous blocks."""
