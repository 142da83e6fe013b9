from __future__ import annotations

from pathlib import Path

import pytest

from benchsuite.cache import VARIABLE, cache_folder


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({VARIABLE: "/chosen", "XDG_CACHE_HOME": "/xdg"}, "/chosen"),
        ({VARIABLE: "", "XDG_CACHE_HOME": "/xdg"}, "/xdg/benchsuite"),
        ({"XDG_CACHE_HOME": "/xdg"}, "/xdg/benchsuite"),
        ({"XDG_CACHE_HOME": ""}, "/home/someone/.cache/benchsuite"),
        ({}, "/home/someone/.cache/benchsuite"),
    ],
)
def test_where_the_cache_is(monkeypatch, environment, expected):
    for name in (VARIABLE, "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/someone")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(expected)


def test_asking_makes_no_folder(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    cache_folder()
    assert list(tmp_path.iterdir()) == []
