"""Reading traces that are whole, torn, too long or no traces."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchsuite.worker.trace_file import LONGEST_EVENT_CHARS, TraceReader

EVENTS = st.lists(
    st.fixed_dictionaries({"ph": st.just("X"), "name": st.text(), "args": st.dictionaries(st.text(), st.integers())}),
    max_size=8,
)  # fmt: skip
CHUNKS = st.integers(1, 50)


def text_of(events, indent=None):
    return json.dumps({"schemaVersion": 1, "traceEvents": events, "traceName": "x"}, indent=indent)


def read(text, **limits):
    reader = TraceReader(io.StringIO(text), **limits)
    return list(reader), reader.dropped


@given(EVENTS, CHUNKS, st.sampled_from([None, 2]))
def test_a_whole_trace_is_read_whole(events, chunk_chars, indent):
    assert read(text_of(events, indent), chunk_chars=chunk_chars) == (events, 0)


@given(EVENTS, CHUNKS, st.data())
def test_a_torn_trace_gives_all_that_stands_before_the_tear(events, chunk_chars, data):
    text = text_of(events)
    end = text.rindex("]")
    cut = data.draw(st.integers(0, end))
    kept, dropped = read(text[:cut], chunk_chars=chunk_chars)
    assert kept == events[: len(kept)]
    assert dropped >= 1
    whole = sum(
        len(text_of(events[: count + 1])) - len(', "traceName": "x"}') - 1 <= cut
        for count in range(len(events))
    )
    assert len(kept) == whole


@given(st.integers(0, 6), st.integers(0, 6), CHUNKS)
def test_a_trace_beyond_the_limit_is_cut_and_says_by_how_much(count, limit, chunk_chars):
    events = [{"ph": "X", "name": str(number)} for number in range(count)]
    kept, dropped = read(text_of(events), max_events=limit, chunk_chars=chunk_chars)
    assert kept == events[:limit]
    assert dropped == max(0, count - limit)


def test_an_event_that_is_no_json_ends_the_reading_without_hiding_how_much_is_lost():
    events = [{"ph": "X", "name": str(number)} for number in range(1000)]
    text = text_of(events).replace('"500"', '"5"00"')
    kept, dropped = read(text)
    assert len(kept) == 500
    assert dropped == 500


def test_an_event_without_an_end_is_not_gathered_for_ever():
    text = '{"traceEvents": [{"ph": "X", "name": "' + "a" * 3 * LONGEST_EVENT_CHARS
    assert read(text) == ([], 1)


@pytest.mark.parametrize("text", ["", "{}", "no trace", '{"traceEvents"', '{"traceEvents": ['])
def test_what_is_no_trace_has_no_events_and_says_so(text):
    assert read(text) == ([], 1)
