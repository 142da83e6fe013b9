"""Two runs beside each other: what changed, and what explains it."""
