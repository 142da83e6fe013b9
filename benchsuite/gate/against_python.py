"""This interpreter against another one, over the same code: a torch upgrade."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchsuite.errors import UsageError
from benchsuite.gate.side_catalog import read_catalog
from benchsuite.gate.sides import Request, Side, Sides, catalog_request, code_side, demand_found
from benchsuite.gate.verdict import SideInfo
from benchsuite.gate.worktree import Repository
from benchsuite.launcher import Interpreter
from benchsuite.leftovers import temporary_folder
from benchsuite.origin import PROJECT_ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def against_python(executable: str, request: Request) -> Iterator[Sides]:
    """Set this interpreter against another one, over the same code; the other one is the base.

    Raises:
        UsageError: there is no such interpreter, or it lacks torch or memray.
    """
    version = _demand_interpreter(executable)
    folder = Path.cwd().resolve()
    try:
        repository = Repository.around(folder)
    except UsageError:
        repository = Repository(folder, Path())
    catalog = read_catalog(catalog_request(repository.root, repository, request))
    demand_found(catalog.missing)
    code = code_side(repository.root, repository, other=repository.root)
    with temporary_folder("engine") as engine:
        # Where benchsuite is installed, the folder around it holds this interpreter's torch as well.
        for package in ("benchsuite", "scenarios"):
            (engine / package).symlink_to(PROJECT_ROOT / package, target_is_directory=True)
        other = Interpreter(executable, str(engine))
        yield Sides(
            base=Side(
                name="base", info=SideInfo(name=executable, python=executable), code=code, catalog=catalog,
                python=other,
            ),
            head=Side(name="head", info=SideInfo(name=sys.executable, python=sys.executable), code=code, catalog=catalog),
            notes=(f"Base runs on {executable} ({version}), head on {sys.executable}; the code is the same.",),
        )  # fmt: skip


def _demand_interpreter(executable: str) -> str:
    code = "import sys, torch, memray; print(sys.version.split()[0], torch.__version__)"
    try:
        # -P: as its workers are started; a folder called `torch` here is not meant.
        done = subprocess.run(
            [executable, "-P", "-c", code], capture_output=True, text=True, errors="replace", timeout=180, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"--against-python {executable}: it does not run ({error})") from error
    said = (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]
    match done.stdout.split():
        case [*_, python, torch] if done.returncode == 0:
            return f"Python {python}, torch {torch}"
        case _ if done.returncode == 0:
            raise UsageError(f"--against-python {executable}: it is no Python ({said})")
    raise UsageError(
        f"--against-python {executable}: it must be Python 3.11 or newer with torch and memray ({said}): install them there"
    )
