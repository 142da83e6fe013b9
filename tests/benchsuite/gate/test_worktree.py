from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchsuite.errors import UsageError
from benchsuite.gate.worktree import LOCKED_BY, Repository, prepare


@pytest.fixture
def repository(git):
    git.commit({"a.py": "A = 1\n", "below/b.py": "B = 1\n", ".gitignore": "ignored/\n*.log\n"})
    return Repository.around(git.root)


def leave(git, tmp_path, reason=LOCKED_BY):
    """Leave a worktree as a killed gate would, or one that only looks like it."""
    holder = tmp_path / "temporary" / f"benchsuite-gate-{len(git.worktrees()):016x}"
    holder.mkdir()
    holder.with_name(f"{holder.name}.lock").touch()
    git("worktree", "add", "-q", "--detach", "--lock", "--reason", reason, holder / "base", "HEAD")
    return holder


def test_a_repository_is_found_from_a_folder_below(git, repository):
    assert repository == Repository(git.root, Path())
    assert Repository.around(git.root / "below") == Repository(git.root, Path("below"))


def test_a_link_to_a_folder_is_followed(git, repository, tmp_path):
    (tmp_path / "link").symlink_to(git.root / "below")
    assert Repository.around(tmp_path / "link") == Repository(git.root, Path("below"))


def test_outside_a_repository_the_ways_out_are_named(tmp_path):
    with pytest.raises(UsageError, match=r"needs a git repository.*--against-python") as caught:
        Repository.around(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_git_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="git could not be run"):
        Repository.around(tmp_path)


def test_a_ref_is_a_branch_a_tag_or_a_commit(git, repository):
    first = repository.head_commit()
    git("tag", "-a", "v1", "-m", "planted")
    git("branch", "kept")
    second = git.commit({"a.py": "A = 2\n"})
    assert repository.head_commit() == second != first
    for ref in ("v1", "kept", "HEAD~1", first, first[:10], "main~1"):
        assert repository.commit(ref) == first


@pytest.mark.parametrize("ref", ["-", "--help", "-q", "--all"])
def test_a_ref_that_begins_with_a_dash_is_no_option(repository, ref):
    with pytest.raises(UsageError, match="no ref begins with a dash"):
        repository.commit(ref)


@pytest.mark.parametrize(
    "ref", ["nowhere", "", "HEAD:a.py", "a.py", "HEAD~99", "x y", "ref\nwith a line", "^HEAD"]
)
def test_a_ref_that_names_no_commit_is_refused(repository, ref):
    with pytest.raises(UsageError, match="no commit, branch or tag of that name"):
        repository.commit(ref)


def test_the_nearest_names_are_offered(git, repository):
    git("branch", "release-2026")
    git("update-ref", "refs/remotes/origin/develop", "HEAD")
    with pytest.raises(UsageError, match=r"the nearest are release-2026$"):
        repository.commit("relaese-2026")
    # In CI a branch often exists as the remote's alone.
    with pytest.raises(UsageError, match=r"the nearest are origin/develop$"):
        repository.commit("develop")
    with pytest.raises(UsageError, match=r"no run or baseline$"):
        repository.commit("zzzzzzzzzz")


def test_a_shallow_clone_is_told_how_to_deepen(git, repository, tmp_path):
    first = repository.head_commit()
    git.commit({"a.py": "A = 2\n"})
    git("clone", "-q", "--depth", "1", f"file://{git.root}", tmp_path / "shallow")
    shallow = Repository.around(tmp_path / "shallow")
    for ref in (first, "HEAD~1", "elsewhere"):
        with pytest.raises(UsageError, match=r"shallow.*git fetch --unshallow.*fetch-depth 0"):
            shallow.commit(ref)
    assert shallow.commit("main") == shallow.head_commit()


def test_a_repository_without_a_commit(git):
    empty = Repository.around(git.root)
    assert empty.head_commit() is None
    assert not empty.is_dirty()
    with pytest.raises(UsageError, match="no commit"):
        empty.commit("HEAD")


def test_a_worktree_holds_the_commit_and_is_gone_afterwards(git, repository):
    first = repository.head_commit()
    git.commit({"a.py": "A = 2\n", "new.py": ""})
    with repository.worktree(first) as path:
        assert (path / "a.py").read_text() == "A = 1\n"
        assert not (path / "new.py").exists()
        assert git.worktrees() == [path]
        assert not path.is_relative_to(git.root)
        assert (git.root / "a.py").read_text() == "A = 2\n"
    assert not path.parent.exists()
    assert git.worktrees() == []
    assert git("branch", "--format=%(refname:short)") == "main"


def test_what_stands_in_the_working_tree_stays_as_it_is(git, repository):
    git.write({"a.py": "A = 3\n", "untracked.py": ""})
    git("add", "a.py")
    before = git("status", "--porcelain=v2")
    with repository.worktree(repository.head_commit()) as path:
        (path / "built.so").write_text("of a prepare command")
    assert git("status", "--porcelain=v2") == before


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, SystemExit])
def test_an_exception_leaves_nothing_behind(git, repository, error):
    with pytest.raises(error), repository.worktree(repository.head_commit()) as path:
        raise error
    assert not path.parent.exists()
    assert git.worktrees() == []


def test_a_failure_inside_is_not_taken_for_one_of_the_checkout(repository):
    with (
        pytest.raises(subprocess.CalledProcessError),
        repository.worktree(repository.head_commit()),
    ):
        subprocess.run(["false"], check=True)


def test_a_commit_that_cannot_be_checked_out_leaves_nothing_behind(git, repository, tmp_path):
    with pytest.raises(UsageError, match=r"^0123456789ab could not be checked out: "):
        repository.worktree("0123456789abcdef0123456789abcdef01234567").__enter__()
    assert git.worktrees() == []
    assert list((tmp_path / "temporary").iterdir()) == []


def test_what_a_killed_gate_left_is_removed_by_the_next(git, repository, tmp_path):
    left = leave(git, tmp_path)
    with repository.worktree(repository.head_commit()) as path:
        assert git.worktrees() == [path]
        assert not left.exists()


def test_what_a_killed_gate_left_is_forgotten_where_its_folder_has_gone(git, repository, tmp_path):
    shutil.rmtree(leave(git, tmp_path))
    assert len(git.worktrees()) == 1
    repository.remove_leftovers()
    assert git.worktrees() == []


def test_what_a_living_gate_uses_is_kept(git, repository):
    with repository.worktree(repository.head_commit()) as first:
        with repository.worktree(repository.head_commit()) as second:
            assert set(git.worktrees()) == {first, second}  # git says them in the order of a folder
            assert (first / "a.py").exists()
        assert git.worktrees() == [first]
    assert git.worktrees() == []


def test_worktrees_of_the_users_are_kept(git, repository, tmp_path):
    mine = leave(git, tmp_path, f"on a stick, not {LOCKED_BY}")
    git("worktree", "add", "-q", "--detach", tmp_path / "plain", "HEAD")
    git("worktree", "add", "-q", "--detach", "--lock", "--reason", LOCKED_BY, tmp_path / "elsewhere", "HEAD")
    repository.remove_leftovers()
    assert len(git.worktrees()) == 3
    assert (mine / "base" / "a.py").exists()
    assert (tmp_path / "elsewhere" / "a.py").exists()


KILLED = """
import os, sys
from pathlib import Path
from benchsuite.gate.worktree import Repository
repository = Repository.around(Path.cwd())
with repository.worktree(repository.head_commit()) as path:
    print(path, flush=True)
    os.kill(os.getpid(), 9)
"""


def test_a_gate_that_was_really_killed(git, repository):
    done = subprocess.run(
        [sys.executable, "-c", KILLED], cwd=git.root, capture_output=True, text=True, check=False
    )
    left = Path(done.stdout.strip())
    assert left.is_dir()
    assert git.worktrees() == [left]
    repository.remove_leftovers()
    assert git.worktrees() == []
    assert not left.parent.exists()
    assert not left.parent.with_name(f"{left.parent.name}.lock").exists()


def test_no_hook_is_run(git, repository, tmp_path):
    hook = git.root / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    with repository.worktree(repository.head_commit()):
        pass
    assert not (tmp_path / "ran").exists()
    git("worktree", "add", "-q", "--detach", tmp_path / "plain", "HEAD")
    assert (tmp_path / "ran").exists(), "this hook would have run"


def test_within_a_hook_the_index_of_the_commit_that_is_made_stays_as_it_is(git, repository, monkeypatch):
    git.write({"a.py": "A = 5\n"})
    git("add", "a.py")
    staged = git("diff", "--cached")
    # As git sets them for a hook; relative to the repository's root.
    monkeypatch.setenv("GIT_DIR", ".git")
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/index")
    monkeypatch.setenv("GIT_WORK_TREE", ".")
    monkeypatch.chdir(git.root)
    assert Repository.around(git.root / "below") == Repository(git.root, Path("below"))
    with repository.worktree(repository.head_commit()) as path:
        assert (path / "a.py").read_text() == "A = 1\n"
        assert repository.is_dirty()
        prepare("git rev-parse --show-toplevel > where", path, git.root, 60)
        assert (path / "where").read_text().strip() == str(path)
    assert git("diff", "--cached") == staged


def test_a_tree_without_changes_is_clean(git, repository):
    assert not repository.is_dirty()
    assert repository.changed_files(repository.head_commit()) == ()
    git.write({"seen.log": "", "ignored/c.py": ""})
    assert not repository.is_dirty()
    assert repository.changed_files(repository.head_commit()) == ()


@pytest.mark.parametrize(
    "files", [{"a.py": "A = 2\n"}, {"new.py": ""}, {"a.py": None}, {"below/deeper/new.py": ""}]
)
def test_any_change_makes_a_tree_dirty(git, repository, files):
    # What the user hides from `git status` has changed all the same.
    git("config", "status.showUntrackedFiles", "no")
    git.write(files)
    assert repository.is_dirty()
    assert repository.changed_files(repository.head_commit()) == tuple(files)


def test_changed_files_are_those_between_a_commit_and_the_working_tree(git, repository):
    first = repository.head_commit()
    git.commit({"committed.py": "", "reverted.py": "x"})
    git.write({"staged.py": "", "reverted.py": None, "below/b.py": None, "new.py": "", "x.log": ""})
    git("add", "staged.py")
    found = repository.changed_files(first)
    assert sorted(found) == ["below/b.py", "committed.py", "new.py", "staged.py"]


def test_a_file_that_has_moved_has_changed_in_both_places(git, repository):
    git("mv", "a.py", "moved.py")
    assert sorted(repository.changed_files(repository.head_commit())) == ["a.py", "moved.py"]


def test_changed_files_are_told_from_a_folder_below_as_from_the_root(git, repository):
    git("config", "diff.relative", "true")
    git.write({"a.py": "A = 2\n", "below/b.py": "B = 2\n", "above.py": ""})
    found = Repository.around(git.root / "below").changed_files(repository.head_commit())
    assert sorted(found) == ["a.py", "above.py", "below/b.py"]


HOSTILE = (
    "ä b.py",
    'quo"te.py',
    "new\nline.py",
    "-dash.py",
    "\u2028.py",
    " space ",
    "tab\t.py",
    "\\n.py",
    ":(top)x",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_of_files_are_told_as_they_are(git, repository, name):
    git.write({name: "", f"below/{name}": ""})
    git("add", "--", f"below/{name}" if name.startswith((":", "-")) else name)
    assert set(repository.changed_files(repository.head_commit())) == {name, f"below/{name}"}


@pytest.mark.parametrize("name", ["with space ", "quo\"te's", "ünï", "-dash", "$(touch x)"])
def test_hostile_names_of_folders(git, repository, tmp_path, name):
    root = tmp_path / name
    git.root.rename(root)
    found = Repository.around(root / "below")
    assert (found.root, found.folder) == (root, Path("below"))
    with found.worktree(found.head_commit()) as path:
        assert (path / "a.py").exists()
        prepare('touch "$BENCHSUITE_HEAD/seen"', path, root, 60)
    assert (root / "seen").exists()


def test_prepare_runs_in_the_base_and_knows_the_head(git, repository):
    with repository.worktree(repository.head_commit()) as path:
        prepare('pwd > where; echo "$BENCHSUITE_HEAD" > head', path, git.root, 60)
        assert (path / "where").read_text().strip() == str(path)
        assert (path / "head").read_text().strip() == str(git.root)


def test_prepare_is_a_shell_command_without_input(tmp_path):
    prepare("cat > copied && test ! -s copied && true | cat", tmp_path, tmp_path, 60)


def test_a_failed_prepare_is_told_in_one_line_with_its_last_words(tmp_path):
    command = "seq 1 50; echo planted: no compiler >&2; exit 7"
    with pytest.raises(UsageError) as caught:
        prepare(command, tmp_path, tmp_path, 60)
    said = str(caught.value)
    assert said.startswith("prepare: ")
    assert "ended with 7" in said
    assert said.endswith("49 / 50 / planted: no compiler")
    assert "\n" not in said
    assert "45" not in said


def test_a_prepare_that_fails_without_a_word(tmp_path):
    with pytest.raises(UsageError, match=r"ended with 1 in the base's worktree$"):
        prepare("false", tmp_path, tmp_path, 60)


def test_what_prepare_says_need_not_be_text(tmp_path):
    with pytest.raises(UsageError, match="ended with 3"):
        prepare(r"printf '\377\376 planted'; exit 3", tmp_path, tmp_path, 60)


LEAVES = "sleep 60 & echo $! > left"
"""A shell command that leaves a process in the background."""


def dies(pid_file):
    """Whether the process whose id stands in the file ends soon."""
    pid = int(pid_file.read_text())
    for _ in range(200):
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def left(tmp_path):
    """Return the file with the id of the process that is left; it is killed afterwards."""
    yield tmp_path / "left"
    with contextlib.suppress(OSError):
        os.kill(int((tmp_path / "left").read_text()), signal.SIGKILL)


def test_what_prepare_leaves_in_the_background_is_not_waited_for(tmp_path, left):
    began = time.monotonic()
    prepare(LEAVES, tmp_path, tmp_path, 60)
    assert left.exists()
    assert time.monotonic() - began < 30


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="processes are looked at in /proc"
)


@needs_proc
def test_an_interruption_ends_prepare_and_all_it_has_started(tmp_path, left, monkeypatch):
    wait = subprocess.Popen.wait
    waits = []

    def interrupted(process, timeout=None):
        waits.append(timeout)
        if len(waits) > 1:
            return wait(process, timeout)
        while not left.exists() or not left.read_text().strip():
            time.sleep(0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        prepare(f"{LEAVES}; wait", tmp_path, tmp_path, 60)
    assert waits[0] == 60
    assert dies(left)


@needs_proc
def test_a_prepare_that_takes_too_long_is_ended_and_told_in_one_line(tmp_path, left):
    with pytest.raises(
        UsageError, match=r"took longer than the configured timeout of 2 s.*: planted / words$"
    ) as caught:
        prepare(f"echo planted; echo words; {LEAVES}; wait", tmp_path, tmp_path, 2)
    assert "\n" not in str(caught.value)
    assert dies(left)
