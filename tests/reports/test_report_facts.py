from __future__ import annotations

import dataclasses

import pytest
from sample_run import make_info

from reports.facts import seconds_of, took_s


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:01:00Z", 60),
        ("1970-01-01T00:01:00", 60),
        ("1970-01-01T02:01:00+02:00", 60),
        ("19700101T000100Z", 60),
        ("yesterday", None),
        ("", None),
    ],
)
def test_a_time_without_an_offset_is_utcs(text: str, seconds: float | None) -> None:
    assert seconds_of(text) == seconds


def test_a_run_took_what_it_says_itself_else_from_start_to_end() -> None:
    info = make_info(effort={})
    assert took_s(info) == 274
    assert took_s(dataclasses.replace(info, effort={"wall_s": 12.5})) == 12.5
    assert took_s(dataclasses.replace(info, finished=None)) is None
    assert took_s(dataclasses.replace(info, finished="2026-03-02T09:14:00Z")) == 0
    assert took_s(dataclasses.replace(info, started="yesterday")) is None
