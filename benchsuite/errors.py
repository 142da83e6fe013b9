"""One family of exceptions; each class carries the exit code that the command line ends with."""


class BenchsuiteError(Exception):
    """Something went wrong that the user can read in one line: what, where, what to do."""

    exit_code = 70


class UsageError(BenchsuiteError):
    """Wrong usage, a wrong scenario or task module, or a folder that cannot be written."""

    exit_code = 2


class OutputError(BenchsuiteError):
    """Stdout is closed, or takes no more, as on a full disk."""

    exit_code = 2


class NothingMeasuredError(BenchsuiteError):
    """A scenario failed, its check did not hold, or nothing was measured."""

    exit_code = 3


class NotComparableError(BenchsuiteError):
    """Two runs cannot be compared, there is no baseline to compare with, or a schema is newer than this version."""

    exit_code = 4


class MachineBusyError(BenchsuiteError):
    """Another benchsuite process is measuring this machine."""

    exit_code = 6
