"""The regression gate: two sides of a change take turns on one core, and only what recurs is called a regression."""
