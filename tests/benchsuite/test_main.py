from __future__ import annotations

import click
import pytest

from benchsuite.__main__ import main
from benchsuite.commands.app import app
from benchsuite.errors import BenchsuiteError


class UnforeseenError(BaseException):
    """An exception that no `except Exception` catches."""


class OwnCodeError(BenchsuiteError):
    """One of a code that is the gate's alone."""

    exit_code = 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SystemExit(1), 70), (SystemExit(), 70), (UnforeseenError("x"), 70), (GeneratorExit(), 70), (OwnCodeError("x"), 70),
        (RecursionError(), 70), (EOFError(), 70), (click.exceptions.Exit(1), 70), (click.ClickException("x"), 2),
        (BenchsuiteError("x"), 70), (KeyboardInterrupt(), 130), (click.Abort(), 130), (BrokenPipeError(), 0),
    ],
)  # fmt: skip
def test_no_escape_ends_in_1(monkeypatch, capsys, error, code):
    def escaping():
        raise error

    monkeypatch.setattr(app.commands["list"], "callback", escaping)
    monkeypatch.setattr(app.commands["list"], "params", [])
    assert main(["list"]) == code
    assert "Traceback" not in capsys.readouterr().out


def test_what_a_command_returns_is_its_code(monkeypatch):
    monkeypatch.setattr(app.commands["gate"], "callback", lambda: 1)
    monkeypatch.setattr(app.commands["gate"], "params", [])
    assert main(["gate"]) == 1
