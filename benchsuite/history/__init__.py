"""One metric over many runs: an index of run directories, lines of comparable values, and their change points."""
