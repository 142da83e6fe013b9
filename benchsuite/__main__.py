"""The entry point: runs a command and turns whatever happens into an exit code and one clear line."""

from __future__ import annotations

import os
import signal
import sys
import traceback

import click

from benchsuite import terminal
from benchsuite.errors import BenchsuiteError

FAULT = 70
INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    from benchsuite.commands.app import app

    # A job that is cancelled ends as Ctrl-C would: workers are ended, what was measured is kept.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = app.main(args=arguments, prog_name="benchsuite", standalone_mode=False)
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = f" (`{context.command_path} --help` shows what there is)" if context else ""
        terminal.print_error(" ".join(error.format_message().split()).rstrip(".") + hint)
        return error.exit_code
    except BenchsuiteError as error:
        terminal.print_error(str(error))
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        terminal.print_error("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output, such as `head`, has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception:  # noqa: BLE001 - a fault of ours must not end in 1, which means a regression
        terminal.print_fault(traceback.format_exc())
        return FAULT
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    sys.exit(main())
