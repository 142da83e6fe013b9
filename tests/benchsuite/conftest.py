from __future__ import annotations

import pytest


@pytest.fixture
def tree(tmp_path):
    """Return a function that writes files into an empty folder, by path and content, and returns the folder."""

    def write(files):
        for path, content in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(content)
        return tmp_path

    return write
