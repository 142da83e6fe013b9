"""Run directories over HTTP, on this machine alone: an address becomes a response; a thin server sends it."""
