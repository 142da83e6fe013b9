from __future__ import annotations

import itertools
import math

from hypothesis import given, settings
from hypothesis import strategies as st

from reports.plots.label_places import DOT, LEADER_FROM, Box, place_labels, spaced, text_width

AREA = Box(0, 0, 300, 200)
DOTS = st.lists(st.tuples(st.floats(0, 300), st.floats(0, 200)), max_size=25)


@settings(max_examples=40)
@given(DOTS, st.integers(1, 22))
def test_no_label_lies_on_another_on_a_dot_or_outside(dots, length):
    boxes = [label.box for label in place_labels(dots, ["x" * length] * len(dots), 9, AREA) if label]
    assert not any(one.meets(other) for one, other in itertools.combinations(boxes, 2))
    assert not any(box.meets(Box(x - DOT, y - DOT, x + DOT, y + DOT)) for box in boxes for x, y in dots)
    assert all(box.within(AREA) for box in boxes)


@settings(max_examples=40)
@given(DOTS)
def test_what_stands_away_from_its_dot_has_a_line_to_it(dots):
    for dot, label in zip(dots, place_labels(dots, ["label"] * len(dots), 9, AREA), strict=True):
        if label is None:
            continue
        end = (
            min(max(dot[0], label.box.left), label.box.right),
            min(max(dot[1], label.box.bottom), label.box.top),
        )
        assert label.leader == ((dot, end) if math.dist(dot, end) > LEADER_FROM else None)


def test_a_dot_by_itself_has_its_label_beside_it():
    (label,) = place_labels([(100.0, 100.0)], ["eager"], 9, AREA)
    assert label is not None
    assert label.leader is None
    assert label.box.left > 100


def test_no_label_covers_a_line():
    (label,) = place_labels([(100.0, 100.0)], ["eager"], 9, AREA, [((100.0, 106.0), (300.0, 106.0))])
    assert label is not None
    assert label.box.top <= 106 or label.box.bottom >= 106 or label.box.right <= 100


def test_where_there_is_no_room_there_is_no_label():
    assert place_labels([(5.0, 5.0)], ["a long label"], 9, Box(0, 0, 20, 20)) == [None]


@given(st.lists(st.floats(0, 400), max_size=40).map(sorted), st.floats(1, 60))
def test_texts_that_are_kept_stand_apart_and_the_first_one_stays(places, width):
    kept = spaced(places, [width] * len(places))
    assert kept[:1] == [0] * bool(places)
    assert all(places[b] - places[a] >= width for a, b in itertools.pairwise(kept))


def test_wide_letters_count_as_wide():
    assert text_width("\u6f22\u5b57", 10) == 20
    assert text_width("iiii", 10) < text_width("MMMM", 10) == 40
