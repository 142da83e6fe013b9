from __future__ import annotations

import contextlib

import pytest

from benchsuite import Check
from benchsuite.errors import UsageError
from benchsuite.scenario import Skip
from benchsuite.worker import failure
from benchsuite.worker.failure import LONGEST_TEXT, message_of, one_line


def raised(error, through=contextlib.nullcontext):
    """Return the error with the traceback of a scenario that raised it."""
    try:
        with through():
            raise error  # this line is the place
    except type(error) as caught:
        return caught


@contextlib.contextmanager
def managed():
    yield


def test_a_skip_is_no_failure(capsys):
    assert message_of(raised(Skip("not here"))) == {"event": "skipped", "reason": "not here"}
    assert not capsys.readouterr().err


def test_wrong_usage_is_told_as_it_stands(capsys):
    assert message_of(raised(UsageError("name a file"))) == {"event": "failed", "reason": "name a file"}
    assert not capsys.readouterr().err


@pytest.mark.parametrize("through", [contextlib.nullcontext, managed])
def test_a_failure_is_told_with_its_place_and_its_traceback_kept(capsys, through):
    message = message_of(raised(ValueError("two\nlines"), through))
    assert message["event"] == "failed"
    assert message["reason"].startswith("ValueError: two lines (test_failure.py:")
    assert "this line is the place" in capsys.readouterr().err


def test_engine_frames_are_no_place():
    def within(filename):
        namespace = {}
        exec(compile("def fail():\n    raise KeyError('x')", filename, "exec"), namespace)  # noqa: S102 - a frame of a chosen file
        return namespace["fail"]

    for filename in ("/x/torch/nn/module.py", failure.__file__, contextlib.__file__):
        with pytest.raises(KeyError) as caught:
            within(filename)()
        assert one_line(caught.value).startswith("KeyError: 'x' (test_failure.py:")


def test_a_wrong_value_is_told_with_the_scenarios_line_not_the_engines():
    try:
        Check("x", 1.0, 2.0, "==")
    except ValueError as error:
        told = one_line(error)
    assert told.startswith("ValueError: check 'x': its direction is '==': ")
    assert "(test_failure.py:" in told


def test_a_long_text_is_cut_and_an_empty_one_leaves_no_colon():
    assert len(one_line(raised(ValueError("x" * 9999)))) < LONGEST_TEXT + 60
    assert one_line(raised(ValueError())).startswith("ValueError (test_failure.py:")
