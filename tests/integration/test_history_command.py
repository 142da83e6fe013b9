"""`history`: what a user types and reads."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "reports"))
from sample_history import FAILING, SLOWER, STEADY, counted, timing, write_day, write_history

import reports
from benchsuite.__main__ import main


@pytest.fixture(scope="module")
def sample_folder(tmp_path_factory):
    """A folder with runs of forty days, to be copied."""
    root = tmp_path_factory.mktemp("history")
    write_history(root / "runs")
    return root


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Run a command in this process, in an empty folder, and return its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BENCHSUITE_DATABASE", raising=False)

    def run(*arguments):
        code = main(["history", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def runs(sample_folder, tmp_path):
    shutil.copytree(sample_folder / "runs", tmp_path / "runs")


def test_it_tells_what_changed_and_shows_each_variant(run, runs):
    code, out, err = run()
    assert code == 0
    lines = out.splitlines()
    assert lines[0].startswith(f"Step time of {SLOWER} rose by ")
    assert (
        "between abc018012345 (25 Mar 2026) and abc019012345 (26 Mar 2026). In between, torch changed"
        in lines[0]
    )
    rows = [line.split() for line in lines if line.split()[:1] in ([SLOWER], [FAILING], [STEADY], ["canary"])]
    assert [row[:2] for row in rows] == [[SLOWER, "40"], [FAILING, "38"], [STEADY, "40"], ["canary", "40"]]
    assert any(letter in rows[0][4] for letter in "▁▂▃▄▅▆▇█")
    assert err == "Reading 40 runs of runs that are new or have changed.\n"
    assert run()[2] == ""


def test_one_json_document_and_nothing_else(run, runs):
    code, out, _err = run("operators", "--json", "-k", "mode=a")
    document = json.loads(out)
    assert code == 0
    assert (document["schema"], document["metric"]) == (1, "operators")
    assert [line["variant"] for line in document["lines"]] == [SLOWER]
    (step,) = document["lines"][0]["change_points"]
    assert (step["old"], step["new"], step["p"]) == (187.0, 190.0, None)
    assert step["sentence"].startswith(f"Operators a step of {SLOWER} rose by 1.6 %, from 187 to 190")


def test_a_page_is_written_where_it_is_asked_for(run, runs, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    assert run("--html", "page.html")[0] == 0
    assert "History of step time" in Path("page.html").read_text()
    assert opened == []
    code, out, err = run("--open", "--json")
    assert code == 0
    json.loads(out)
    assert "Page: runs/history.html" in err
    assert opened == [Path("runs/history.html").resolve().as_uri()]
    code, _out, err = run("--html", "none/page.html")
    assert (code, err.count("\n")) == (2, 1)


def test_several_folders_and_a_database(run, runs, monkeypatch):
    write_history(Path("more"), 2, seed=9)
    code, out, _err = run("--runs-dir", "runs", "--runs-dir", "more", "--runs-dir", "./runs", "--json")
    assert code == 0
    assert len(json.loads(out)["runs"]) == 42
    monkeypatch.setenv("BENCHSUITE_DATABASE", "sqlite:///index.db")
    Path("more/.history.sqlite").unlink()
    code, out, _err = run("--runs-dir", "more", "--json")
    assert code == 0
    assert Path("index.db").is_file()
    assert not Path("more/.history.sqlite").exists()


def test_a_time_leaves_out_what_was_before(run, runs):
    code, out, _err = run("--since", "2026-04-01", "--json")
    assert code == 0
    assert len(json.loads(out)["runs"]) == 9
    for since, said in (
        ("2h", "no run was begun since then"),
        ("soon", "'soon' is no time: write 2026-03-01, or 30d"),
        ("-3d", "is no time"),
    ):
        code, out, err = run("--since", since)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert said in err
    assert run("--since", "9" * 20 + "w")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("stp_time",), "no run has measured a metric 'stp_time': did you mean step_time?"),
        (
            ("-k", "mode=z"),
            "-k 'mode=z': no variant with step_time contains it: the nearest are compile[mode=",
        ),
        (("-k", "###"), "there are compile[mode=a"),
        (("--database", "mysql://me:open-sesame@host/runs"), "SQLite and PostgreSQL are known"),
        (("--runs-dir", "none"), "none: no run is there; `python -m benchsuite run --all` makes one"),
    ],
)
def test_what_is_not_known_is_told_in_one_line(run, runs, arguments, said):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert said in err.splitlines()[-1]
    assert "open-sesame" not in err
    assert "Traceback" not in err


def test_no_run_one_run_and_nothing_measured(run):
    code, _out, err = run()
    assert (code, err) == (
        2,
        "benchsuite: runs: no run is there; `python -m benchsuite run --all` makes one\n",
    )
    assert not Path("runs").exists()

    failed = timing(STEADY, 1.0, outcome="failed", reason="out of memory", turns=(), checks=())
    write_day(Path("runs"), 0, [[failed]])
    code, _out, err = run()
    assert (code, err) == (3, "benchsuite: nothing was measured in 1 run\n")

    write_day(Path("runs"), 1, [[timing(STEADY, 9e6), counted(STEADY, operators=187.0)]])
    code, out, err = run()
    assert code == 0
    assert out.splitlines()[0] == "No change is shown."
    assert err == "One run shows no change.\n"


def test_gates_alone_are_no_runs(run):
    write_day(Path("runs"), 0, [[timing(STEADY, 9e6)]], kind="gate")
    code, _out, err = run()
    assert code == 2
    assert "no run is there but 1 gate;" in err


def test_damaged_and_unfinished_runs_are_told_and_the_others_shown(run, runs):
    first, second, *_rest = sorted(path for path in Path("runs").iterdir() if path.is_dir())
    (first / "run.json").write_text("{")
    write_day(Path("runs"), 41, [[timing(STEADY, 9e6)]], finished=None)
    code, out, err = run()
    assert code == 0
    assert f"{first.name} could not be read whole: run.json: not a run's header" in err
    assert "1 run is not finished: what there is of it is shown." in err
    assert second.exists()
    assert SLOWER in out


def test_hostile_names_do_not_reach_the_terminal_as_they_are(run):
    hostile = "compile[\x1b[31m\u202e[bold]x[/bold]]"
    for number in range(3):
        write_day(
            Path("runs"), number, [[timing(hostile, 9e6, metrics={hostile: 1.0})]], commit="\x1b[31m\u202e"
        )
    code, out, _err = run()
    assert code == 0
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "[bold]x[/bold]" in out
    for arguments in (("-k", "z"), ("nonsense",)):
        code, _out, err = run(*arguments)
        assert code == 2
        assert "\x1b" not in err
        assert "\u202e" not in err


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_real_runs_are_on_one_line_with_the_values_of_their_reports(workloads, tmp_path):
    (tmp_path / "tmp").mkdir()
    environment = {
        **os.environ,
        "BENCHSUITE_CACHE_DIR": str(tmp_path / "cache"),
        "TMPDIR": str(tmp_path / "tmp"),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }

    def benchsuite(*arguments):
        ended = subprocess.run(
            [sys.executable, "-m", "benchsuite", *map(str, arguments), "--json"],
            cwd=tmp_path, capture_output=True, text=True, check=False, timeout=400, env=environment,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    what = ("--only-scenarios", workloads, "--task", f"{workloads}:task", "--threads", "1", "--budget", "1s")
    paths = [Path(benchsuite("run", "steady", *what)["run"]) for _ in range(2)]
    names = [path.name for path in paths]
    document = benchsuite("history")
    assert [line["variant"] for line in document["lines"]] == [
        "steady[rounds=1]",
        "steady[rounds=3]",
        "canary",
    ]
    assert [[point["run"] for point in line["points"]] for line in document["lines"]] == [names] * 3
    shown = reports.load(tmp_path / paths[1]).scenarios[0].variants
    for variant in shown:
        (line,) = [line for line in document["lines"] if line["variant"] == variant.id]
        assert line["points"][1]["value"] == pytest.approx(variant.step_time.value)
    for metric in ("peak_heap", "operators"):
        assert {len(line["points"]) for line in benchsuite("history", metric)["lines"]} == {2}


@pytest.mark.slow
def test_it_needs_no_torch(sample_folder, tmp_path):
    shutil.copytree(sample_folder / "runs", tmp_path / "runs")
    code = (
        "import sys; from benchsuite.__main__ import main; code = main(['history', '--html', 'page.html']); "
        "assert 'torch' not in sys.modules, code; sys.exit(code)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=240,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
