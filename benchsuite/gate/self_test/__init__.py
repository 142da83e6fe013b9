"""The gate's own error rates on this machine, from decisions about planted changes and about identical code."""
