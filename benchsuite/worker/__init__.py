"""The child's side of a trial: the only part of the engine that imports torch."""
