"""The entry point: runs a command and turns whatever happens into an exit code and one clear line."""

from __future__ import annotations

import signal
import sys
import traceback

import click

from benchsuite import streams, terminal
from benchsuite.errors import BenchsuiteError, OutputError

REGRESSION = 1
USAGE = 2
FAULT = 70
INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Args:
        arguments: None: those of this process, whose stdout and stderr are prepared for it too.
    """
    if arguments is None:
        streams.prepare()
    # A job that is cancelled ends as Ctrl-C would: workers are ended, what was measured is kept.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _run(sys.argv[1:] if arguments is None else arguments)
    except BaseException as error:  # noqa: BLE001 - Python would end in 1, which means a regression
        code = _explained(error)
        # Only a gate's verdict says this, and it is no error.
        return FAULT if code == REGRESSION else code
    finally:
        if arguments is None:
            streams.finish()


def _run(arguments: list[str]) -> int:
    from benchsuite.commands.app import app

    # Not `app.main`, which ends the process with 1 where a pipe has lost its reader.
    with app.make_context("benchsuite", list(arguments)) as context:
        code = app.invoke(context)
    return code if isinstance(code, int) else 0


def _explained(error: BaseException) -> int:
    """Say what went wrong and return the exit code for it."""
    match error:
        case click.exceptions.Exit():  # what --help and --version end with
            return error.exit_code
        case click.ClickException():
            context = getattr(error, "ctx", None)
            hint = f" (`{context.command_path} --help` shows what there is)" if context else ""
            terminal.print_error(" ".join(error.format_message().split()).rstrip(".") + hint)
            return USAGE
        case BenchsuiteError():
            if isinstance(error, OutputError):
                streams.give_up_stdout()
            terminal.print_error(str(error))
            return error.exit_code
        case KeyboardInterrupt() | click.Abort():
            terminal.print_error("interrupted")
            return INTERRUPTED
        case BrokenPipeError():
            # Whoever read the output, such as `head`, has seen enough.
            streams.give_up_stdout()
            return 0
        case _:
            terminal.print_fault("".join(traceback.format_exception(error)))
            return FAULT


if __name__ == "__main__":
    sys.exit(main())
