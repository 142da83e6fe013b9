"""A metric over runs as words, tables and a page."""
