"""The working tree against a commit, which is checked out for the time of the gate."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchsuite.errors import UsageError
from benchsuite.gate.side_catalog import GatedVariant, SideCatalog, read_catalog
from benchsuite.gate.sides import Request, Side, Sides, catalog_request, code_side, demand_found
from benchsuite.gate.verdict import SideInfo
from benchsuite.gate.worktree import Repository, prepare
from benchsuite.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

LENT_PREFIX = "benchsuite_lent_"
WITHOUT_SUBMODULES = " (the base's worktree is without git submodules: `--prepare 'git submodule update --init'` checks them out)"


@contextlib.contextmanager
def against_ref(ref: str, request: Request) -> Iterator[Sides]:
    """Set the working tree against a commit, which is checked out for as long as the context lasts.

    Raises:
        UsageError: no repository, no such ref, the prepare command failed, or the head's modules do not import.
    """
    repository = Repository.around(Path.cwd())
    commit = repository.commit(ref)
    # Whatever is wrong with the head is said before anything is checked out.
    head_catalog = read_catalog(catalog_request(repository.root, repository, request))
    dirty = repository.is_dirty()
    head_info = SideInfo(
        name="working tree", commit=repository.head_commit(), dirty=dirty, python=sys.executable
    )
    with repository.worktree(commit) as path:
        if request.prepare:
            prepare(request.prepare, path, repository.root, request.timeout_s)
        base_catalog, problem = SideCatalog({}, (), None), ""
        try:
            base_catalog = read_catalog(catalog_request(path, repository, request, other=repository.root))
        except (UsageError, OSError) as error:
            problem = str(error).replace(str(path), ref) + (
                WITHOUT_SUBMODULES if repository.has_submodules else ""
            )
        at_base = {spec.replace(str(path), str(repository.root)) for spec in base_catalog.missing}
        demand_found(spec for spec in head_catalog.missing if problem or spec in at_base)
        changed_files = repository.changed_files(commit)
        same = f"Base and head are the same code: the working tree is what {ref} names."
        yield Sides(
            base=lend(
                Side(
                    name="base",
                    info=SideInfo(name=ref, commit=commit, python=sys.executable),
                    code=code_side(path, repository, other=repository.root),
                    catalog=base_catalog,
                    problem=problem,
                ),
                head_catalog,
            ),
            head=Side(
                name="head", info=head_info, code=code_side(repository.root, repository, other=path),
                catalog=head_catalog,
            ),
            changed_files=changed_files,
            notes=() if changed_files else (same,),
        )  # fmt: skip


def lend(base: Side, head: SideCatalog) -> Side:
    """Give the base the head's scenarios and task where it lacks them."""
    if base.problem:
        return base
    known_files = {_inside(found.origin.file, base.code.root) for found in base.catalog.variants.values()}
    lent = {
        id_: GatedVariant(found.variant, _by_file(found.origin))
        for id_, found in head.variants.items()
        if id_ not in base.catalog.variants
        and _inside(found.origin.file, base.code.other_root) not in known_files
    }
    task = base.catalog.task or (_by_file(head.task) if head.task else None)
    files = {found.origin.file for found in lent.values()}
    if base.catalog.task is None and head.task:
        files.add(head.task.file)
    return dataclasses.replace(
        base,
        catalog=dataclasses.replace(
            base.catalog, variants={**base.catalog.variants, **lent}, task=task
        ),
        code=dataclasses.replace(base.code, lent=tuple(sorted(files))),
    )  # fmt: skip


def _inside(file: str, root: str) -> Path:
    """Return a file's path within a side's code; what is outside of it is the same on both sides."""
    path = Path(file)
    return path.relative_to(root) if path.is_relative_to(root) else path


def _by_file(origin: Origin) -> Origin:
    """Return the same file under a name of its own: the base may know another module by its name."""
    return Origin(LENT_PREFIX + origin.module.replace(".", "_"), origin.file)
