"""A gate's verdict as words, tables and a page: from verdict.json alone."""
