"""A git worktree with the base's code: made for one gate, removed with it, or by the next one after a kill."""

from __future__ import annotations

import contextlib
import difflib
import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from benchsuite import leftovers
from benchsuite.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCKED_BY = "benchsuite gate"
"""Why git must not prune such a worktree."""
LAST_LINES = 5
LAST_BYTES = 10_000
OF_A_HOOK = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX"})
"""What git sets for a hook: in the base's worktree these would lead back to the head, and to the index of a commit
that is being made."""


@dataclass(frozen=True, slots=True)
class Repository:
    """The git repository that the working directory is in."""

    root: Path
    folder: Path
    """The working directory, relative to the root."""

    @classmethod
    def around(cls, folder: Path) -> Repository:
        """Find the repository around a folder.

        Raises:
            UsageError: there is none, or no git.
        """
        try:
            root = Path(_git(folder, "rev-parse", "--show-toplevel")).resolve()
        except subprocess.CalledProcessError as error:
            raise UsageError(
                f"{folder}: a gate against a ref needs a git repository there ({_said(error)}); "
                "name a run, a baseline or --against-python instead"
            ) from error
        except OSError as error:
            raise UsageError(f"git could not be run ({error.strerror}): install it") from error
        return cls(root, folder.resolve().relative_to(root))

    def commit(self, ref: str) -> str:
        """Return the full hash of the commit that a ref names.

        Raises:
            UsageError: there is no such ref; the message says how to get it into a shallow clone.
        """
        if ref.startswith("-"):
            raise UsageError(f"--against {ref}: no ref begins with a dash")
        with contextlib.suppress(subprocess.CalledProcessError):
            named = _git(
                self.root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"
            )
            # `^main` stands for all commits but those of main.
            if not named.startswith("^"):
                return named
        raise UsageError(f"--against {ref}: {self._hint(ref)}")

    def _hint(self, ref: str) -> str:
        if _git(self.root, "rev-parse", "--is-shallow-repository") == "true":
            return (
                "this clone is shallow and does not hold that commit: `git fetch --unshallow` "
                "(in CI: a checkout with fetch-depth 0), or `git fetch origin REF` for a branch"
            )
        names = _git(self.root, "for-each-ref", "--format=%(refname:short)").splitlines()
        near = difflib.get_close_matches(ref, names, n=3, cutoff=0.5)
        remote = [name for name in names if name.endswith(f"/{ref}")]
        found = list(dict.fromkeys([*remote, *near]))
        hint = f"; the nearest are {', '.join(found)}" if found else ""
        return f"no commit, branch or tag of that name, and no run or baseline{hint}"

    def head_commit(self) -> str | None:
        """Return the checked-out commit; None: there is none yet."""
        with contextlib.suppress(subprocess.CalledProcessError):
            return _git(self.root, "rev-parse", "--verify", "--quiet", "HEAD")
        return None

    @property
    def has_submodules(self) -> bool:
        """Whether a worktree lacks parts of the code: git checks out no submodules there."""
        return (self.root / ".gitmodules").is_file()

    def is_dirty(self) -> bool:
        """Whether files that git knows, or does not ignore, differ from the checked-out commit."""
        return bool(_git(self.root, "status", "--porcelain", "--untracked-files=normal"))

    def changed_files(self, commit: str) -> tuple[str, ...]:
        """Return the files that differ between a commit and the working tree, relative to the root."""
        tracked = _git(self.root, "diff", "-z", "--name-only", "--no-relative", "--no-renames", commit, "--")
        new = _git(self.root, "ls-files", "-z", "--others", "--exclude-standard")
        return tuple(dict.fromkeys(filter(None, [*tracked.split("\0"), *new.split("\0")])))

    @contextlib.contextmanager
    def worktree(self, commit: str) -> Iterator[Path]:
        """Check a commit out beside the repository for as long as the context lasts.

        Raises:
            UsageError: it could not be checked out.
        """
        self.remove_leftovers()
        with leftovers.temporary_folder("gate") as holder:
            path = holder / "base"
            try:
                self._check_out(commit, path)
                yield path
            finally:
                self._remove(path)

    def _check_out(self, commit: str, path: Path) -> None:
        try:
            # No hooks: a checkout for a measurement is nobody's change of branch.
            _git(
                self.root, "-c", "core.hooksPath=/dev/null", "worktree", "add", "--detach", "--lock",
                "--reason", LOCKED_BY, str(path), commit,
            )  # fmt: skip
        except subprocess.CalledProcessError as error:
            raise UsageError(f"{commit[:12]} could not be checked out: {_said(error)}") from error

    def remove_leftovers(self) -> None:
        """Remove the worktrees of gates that were killed."""
        path: Path | None = None
        for line in _git(self.root, "worktree", "list", "--porcelain").splitlines():
            key, _, value = line.partition(" ")
            if key == "worktree":
                path = Path(value)
            if (key, value) == ("locked", LOCKED_BY) and path and leftovers.is_left(path.parent):
                self._remove(path)
                leftovers.remove(path.parent)

    def _remove(self, path: Path) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):
            _git(self.root, "worktree", "remove", "--force", "--force", str(path))
        shutil.rmtree(path, ignore_errors=True)
        # Where the folder had gone already, git still keeps an entry, locked.
        with contextlib.suppress(subprocess.CalledProcessError):
            _git(self.root, "worktree", "unlock", str(path))
        with contextlib.suppress(subprocess.CalledProcessError):
            _git(self.root, "worktree", "prune")


def prepare(command: str, path: Path, head: Path, timeout_s: float) -> None:
    """Run a shell command in the base's worktree, with `BENCHSUITE_HEAD` naming the head's root.

    Whatever ends it early, a failure or an interruption, ends all that it has started.

    Raises:
        UsageError: it failed, or took longer than `timeout_s`; the message ends with what it said last.
    """
    # A file: a process that it leaves in the background would keep a pipe open.
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(  # noqa: S602 - a command line of the user's own
            command, shell=True, cwd=path, env={**_environment(), "BENCHSUITE_HEAD": str(head)},
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        with _ended_on_error(process):
            if problem := _problem(process, timeout_s):
                raise UsageError(f"prepare: {command!r} {problem}{_last_lines(output)}")


@contextlib.contextmanager
def _ended_on_error(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Kill the process group of a session's leader where an exception leaves the context."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise


def _problem(process: subprocess.Popen[bytes], timeout_s: float) -> str:
    try:
        code = process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        return f"took longer than the configured timeout of {timeout_s:.0f} s in the base's worktree"
    return f"ended with {code} in the base's worktree" if code else ""


def _last_lines(output: IO[bytes]) -> str:
    output.seek(max(0, output.seek(0, os.SEEK_END) - LAST_BYTES))
    said = output.read().decode(errors="replace").strip()
    return f": {' / '.join(said.splitlines()[-LAST_LINES:])}" if said else ""


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, errors="replace", check=True,
        stdin=subprocess.DEVNULL, env=_environment(),
    )  # fmt: skip
    return done.stdout.removesuffix("\n")


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in OF_A_HOOK}


def _said(error: subprocess.CalledProcessError) -> str:
    lines = str(error.stderr).strip().splitlines()
    return lines[-1] if lines else f"git ended with {error.returncode}"
