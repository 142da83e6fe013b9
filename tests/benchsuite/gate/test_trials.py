from __future__ import annotations

import math
import os
import signal
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchsuite.gate import trials as module
from benchsuite.gate.against_ref import lend
from benchsuite.gate.selection import select
from benchsuite.gate.side_catalog import CatalogRequest, read_catalog
from benchsuite.gate.sides import Side, Sides
from benchsuite.gate.trials import GateTrials, Pair
from benchsuite.gate.verdict import SideInfo
from benchsuite.launcher import WorkerError, can_fork
from benchsuite.origin import PROJECT_ROOT
from benchsuite.record import Turn
from benchsuite.store import RunDirectory, load_run
from benchsuite.trials import Options
from benchsuite.turns import Outcome
from benchsuite.worker.protocol import CodeSide

CORES = (0, 1)


def pair_of(make_record, base, head, canary=((0, 1, 100),), contention=None):
    """Return a pair from turns as (order, steps, elapsed_ns[, waited_ns])."""
    turns = [tuple(Turn(*turn) for turn in each) for each in (base, head, canary)]
    return Pair(
        make_record("base", turns=turns[0]),
        make_record("head", turns=turns[1], contention=contention or {}),
        make_record(turns=turns[2]),
    )


def test_a_pair_is_the_median_over_neighbouring_turns(make_record):
    base = [(0, 2, 200), (2, 2, 2000), (4, 2, 200)]
    head = [(1, 2, 400), (3, 2, 4000), (5, 2, 20000)]
    assert pair_of(make_record, base, head).log_ratio == pytest.approx(math.log(2))


def test_sides_with_other_numbers_of_steps_are_compared_by_the_step(make_record):
    assert pair_of(make_record, [(0, 4, 400)], [(1, 2, 400)]).log_ratio == pytest.approx(math.log(2))


def test_waiting_for_a_core_is_nobodys_slowness(make_record):
    pair = pair_of(make_record, [(0, 1, 100, 0)], [(1, 1, 300, 200)])
    assert pair.log_ratio == 0


@given(st.lists(st.tuples(st.integers(1, 10**9), st.integers(1, 10**9)), min_size=1, max_size=9))
def test_a_pair_of_swapped_sides_is_the_inverse(make_record, times):
    base = [(2 * n, 1, b) for n, (b, _) in enumerate(times)]
    head = [(2 * n + 1, 1, h) for n, (_, h) in enumerate(times)]
    there, back = pair_of(make_record, base, head), pair_of(make_record, head, base)
    assert there.log_ratio == pytest.approx(-back.log_ratio)


def test_a_pair_is_disturbed_by_waiting_or_by_a_canary_that_moves(make_record):
    one = [(0, 1, 100)]
    steady, moving = [(n, 1, 100) for n in range(9)], [(n, 1, 100 + 50 * (n % 3)) for n in range(9)]
    assert not pair_of(make_record, one, one, steady).disturbed
    assert not pair_of(make_record, one, one, []).disturbed, "a canary that died says nothing"
    assert pair_of(make_record, one, one, moving).disturbed
    assert pair_of(make_record, one, one, steady, {"wait_share": 0.5}).disturbed


@pytest.mark.parametrize("known", [{"outcome": "failed"}, {"outcome": "skipped"}, {"turns": ()}])
def test_a_pair_is_complete_where_both_sides_took_their_turns(make_record, known):
    held = make_record(turns=(Turn(0, 1, 100),))
    other = make_record("head", **{"turns": (Turn(0, 1, 100),)} | known)
    assert Pair(held, held, held).completed
    assert not Pair(held, other, held).completed
    assert not Pair(other, held, held).completed


@pytest.fixture
def gate_trials(tmp_path, make_candidate, make_sides):
    """Return a function from a seed to trials that start no worker as long as nobody launches one."""

    def make(seed=0):
        sides = make_sides(make_candidate())
        options = {
            side.name: Options(
                task="t", task_origin=side.catalog.task, task_attribute="task", threads=1, seed=seed
            )
            for side in (sides.base, sides.head)
        }
        return GateTrials(sides, options, CORES, RunDirectory.create(tmp_path), tmp_path / "caches", None)

    return make


@pytest.fixture
def groups(monkeypatch):
    """Return what was asked of each group; its members all fail."""
    asked = []

    def run_group(launches, starting, rng, **options):
        asked.append((tuple(starting), rng.random(), options))
        return [Outcome(message={"event": "failed", "reason": "planted"}) for _ in launches]

    monkeypatch.setattr(module, "run_group", run_group)
    return asked


@pytest.mark.parametrize("seed", range(5))
def test_each_side_starts_first_in_one_of_every_two_pairs(gate_trials, groups, make_candidate, seed):
    trials = gate_trials(seed)
    for number in range(20):
        trials.pairs([(make_candidate(), number)])
    first = [starting[0] for starting, _, _ in groups]
    assert [sum(first[place : place + 2]) for place in range(0, 20, 2)] == [1] * 10
    assert all(sorted(starting) == [0, 1, 2] and starting[2] == 2 for starting, _, _ in groups)


def test_a_pair_that_could_not_be_read_back_is_judged_as_it_is_kept(gate_trials, make_candidate, monkeypatch):
    message = {"event": "result", "items_per_step": 0}
    monkeypatch.setattr(module, "run_group", lambda launches, *_, **__: [Outcome(message)] * len(launches))
    (pair,) = gate_trials().pairs([(make_candidate(), 0)])
    for record in (pair.base, pair.head):
        assert record.outcome == "failed"
        assert "cannot be kept: items_per_step: " in record.reason


def test_who_starts_first_is_random_over_variants_and_seeds(gate_trials, groups, make_candidate):
    for seed in range(4):
        trials = gate_trials(seed)
        for id_ in "abcd":
            trials.pairs([(make_candidate(id_), 0)])
    assert {starting[0] for starting, _, _ in groups} == {0, 1}
    assert len({order for _, order, _ in groups}) == len(groups), "as is the order of turns"


def test_a_pairs_orders_can_be_had_again(gate_trials, groups, make_candidate):
    for _ in range(2):
        gate_trials(3).pairs([(make_candidate(), 5)])
    assert groups[0][:2] == groups[1][:2]


def test_the_cores_of_pairs_change_and_both_sides_and_the_canary_share_one(
    gate_trials, groups, make_candidate, monkeypatch
):
    told = []
    launch = module.launch
    monkeypatch.setattr(
        module,
        "launch",
        lambda starters, spec, *rest: (
            told.append((spec.scenario, spec.cores, spec.child_cores)) or launch(starters, spec, *rest)
        ),
    )
    trials = gate_trials()
    for number in range(4):
        trials.pairs([(make_candidate(), number)])
    cores = [[core for _, core, _ in told[place : place + 3]] for place in range(0, 12, 3)]
    assert cores == [[(0,)] * 3, [(1,)] * 3] * 2
    assert [scenario for scenario, _, _ in told[:3]] == ["v", "v", "canary"]
    assert not any(child_cores for _, _, child_cores in told), "what they fork shares it too"


def test_both_sides_take_equally_many_steps_and_pairs_do_not_last_for_ever(
    gate_trials, groups, make_candidate
):
    gate_trials().pairs([(make_candidate(), 0)])
    length = groups[0][2]["length"]
    assert length.alike == 2
    assert not length.for_percentiles
    assert length.least_rounds < length.rounds
    assert math.isfinite(length.longest_ns)


def test_a_pair_that_fails_is_on_the_disk_with_its_sides(gate_trials, groups, make_candidate, tmp_path):
    (pair,) = gate_trials().pairs([(make_candidate(), 0)])
    assert not pair.completed
    lines = next(tmp_path.glob("*/records.jsonl")).read_text().splitlines()
    assert len(lines) == 3
    assert (pair.base.side, pair.head.side, pair.canary.side) == ("base", "head", "")
    assert pair.base.group == pair.head.group == pair.canary.group
    assert pair.base.reason == "planted"


def test_an_interruption_ends_the_workers_that_a_pass_waits_for(gate_trials, make_candidate, monkeypatch):
    trials = gate_trials()
    ended, ends, both = threading.Event(), [], threading.Barrier(2)

    def run_alone(launched, timeout_s):
        # By then the main thread waits for both.
        if both.wait(20) == 0 and not ended.wait(0.2):
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        ends.append(ended.wait(20))
        return Outcome(message={"event": "failed", "reason": "ended"})

    monkeypatch.setattr(module, "run_alone", run_alone)
    monkeypatch.setattr(trials, "close", ended.set)
    monkeypatch.setattr("benchsuite.starters.Starters.prepare", lambda *_: None)
    with pytest.raises(KeyboardInterrupt):
        trials.passes(make_candidate(), "memory", 0)
    assert ends == [True, True], "a thread would otherwise wait until its worker is done"


def test_after_an_interruption_the_members_left_of_a_group_start_no_worker(
    gate_trials, make_candidate, monkeypatch
):
    made, stopped, waiting = [], threading.Event(), threading.Barrier(2)

    class FakeStarter:
        def __init__(self, *_):
            made.append(self)
            self.wait_until_ready, self.stop, self.end = (lambda: None), stopped.set, lambda: None

        def start(self):
            return self

        def send(self, message):
            """Take a trial."""

        def receive(self, _timeout_s):
            # By then the main thread waits for both pairs.
            if waiting.wait(20) == 0 and not stopped.wait(0.2):
                signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            assert stopped.wait(20)
            raise WorkerError("the worker closed its channel")

    monkeypatch.setattr("benchsuite.starters.Zygote", FakeStarter)
    monkeypatch.setattr("benchsuite.starters.Spawner", FakeStarter)
    trials = gate_trials()
    candidate = make_candidate()
    with pytest.raises(KeyboardInterrupt):
        trials.pairs([(candidate, 0), (candidate, 1)])
    assert len(made) == 1


SCENARIO = """
from dataclasses import dataclass

from benchsuite import Check, Workload, scenario
import {package}


@dataclass(frozen=True)
class Settings:
    rounds: int = 1


@scenario(question="Whose code is it?", variants=[Settings()])
def {name}(settings, task):
    import os

    import torch

    left = torch.ones({package}.SIDE, {package}.SIDE)

    def step():
        for _ in range({package}.ROUNDS):
            torch.mm(left, left)

    held = Check("a fact", 1.0, 1.0, "<=")
    return Workload(
        step, lambda: [held], items_per_step=5,
        metrics={{"side": float({package}.SIDE), "folder_is_mine": float(os.path.exists({package}.MARK))}},
    )
"""
EDITABLE = """
import importlib.util, sys

class Editable:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "fooled":
            return importlib.util.spec_from_file_location(name, {file!r})

sys.meta_path.insert(0, Editable)
"""
WIDTHS = {"base": 128, "head": 192}


def write_side(root, name):
    """Write one side's code: the same names as on the other side, other constants in them."""
    constants = f"SIDE = {WIDTHS[name]}\nROUNDS = {1 if name == 'base' else 2}\nMARK = '{name}.mark'\n"
    files = {
        "src/model/__init__.py": constants,
        "src/fooled/__init__.py": constants,
        "bench.py": SCENARIO.format(name="own", package="model"),
        "editable.py": SCENARIO.format(name="foreign", package="fooled"),
        f"{name}.mark": "",
        # Not to be mistaken for the built-in scenarios, which hold the task.
        "scenarios/__init__.py": "BUILT_IN = ()\n",
    }
    if name == "head":
        files["new.py"] = SCENARIO.format(name="borrowed", package="model")
    for path, content in files.items():
        file = root / name / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)


def real_side(root, name, other):
    folder = root / name
    places = (str(folder), str(folder / "src"))
    catalog = read_catalog(
        CatalogRequest(
            places=places, other_root=str(root / other), folder=str(folder), built_in_root=str(PROJECT_ROOT),
            scenarios=(), only_scenarios=("bench", "editable", "new"), task_module="scenarios.mnist",
        )
    )  # fmt: skip
    code = CodeSide(root=str(folder), folder=str(folder), places=places, other_root=str(root / other))
    return Side(name=name, info=SideInfo(name=name), code=code, catalog=catalog)


@pytest.fixture(scope="module")
def duet(tmp_path_factory):
    """Return one pair of each variant, the passes of one, and the run directory: real workers, the zygotes shared."""
    root = tmp_path_factory.mktemp("sides").resolve()
    for name in WIDTHS:
        write_side(root, name)
    (root / "site").mkdir()
    (root / "site" / "sitecustomize.py").write_text(
        EDITABLE.format(file=str(root / "head" / "src" / "fooled" / "__init__.py"))
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(root / "head" / "src"), str(root / "site")]))
        head = real_side(root, "head", "base")
        sides = Sides(base=lend(real_side(root, "base", "head"), head.catalog), head=head)
        options = {
            side.name: Options(
                task="scenarios.mnist:task", task_origin=side.catalog.task, task_attribute="task", threads=1
            )
            for side in (sides.base, sides.head)
        }
        directory = RunDirectory.create(root / "runs")
        cores = tuple(sorted(os.sched_getaffinity(0)))
        trials = GateTrials(sides, options, cores, directory, root / "caches", None)
        candidates = {c.id: c for c in select(sides, (), (), lambda requirement: None).candidates}
        try:
            yield {
                "root": root,
                "candidates": candidates,
                "data": {name: trials.prepare(name).message for name in WIDTHS},
                "pairs": {id_: trials.pairs([(candidate, 0)])[0] for id_, candidate in candidates.items()},
                "passes": {
                    kind: trials.passes(candidates["own"], kind, 0)
                    for kind in ("operators", "memory", "calls")
                },
                "environments": trials.environments,
                "run": directory,
            }
        finally:
            trials.renew()


needs_fork = pytest.mark.skipif(not can_fork(), reason="workers are forked, and pinned, on Linux alone")


@pytest.mark.slow
@needs_fork
def test_both_sides_take_their_turns_with_their_own_code(duet):
    pair = duet["pairs"]["own"]
    assert pair.completed, (pair.base.reason, pair.head.reason)
    for record, name in ((pair.base, "base"), (pair.head, "head")):
        assert record.side == name
        assert record.metrics["side"] == WIDTHS[name]
        assert record.metrics["folder_is_mine"] == 1.0
        assert set(record.files) == {"bench.py", "src/model/__init__.py"}
        assert record.foreign == ()
        assert record.items_per_step == 5
        assert record.environment in duet["environments"]
        assert duet["environments"][record.environment]["threads"] == 1
    assert pair.base.files["bench.py"] == pair.head.files["bench.py"]
    assert pair.base.files["src/model/__init__.py"] != pair.head.files["src/model/__init__.py"]


@pytest.mark.slow
@needs_fork
def test_more_work_takes_longer(duet):
    pair = duet["pairs"]["own"]
    # Two products of thrice the work each.
    assert pair.log_ratio > math.log(1.5)
    assert len(pair.base.turns) == len(pair.head.turns) >= module.MIN_TURNS
    assert {turn.steps for turn in pair.base.turns} == {turn.steps for turn in pair.head.turns}
    orders = [turn.order for record in (pair.base, pair.head, pair.canary) for turn in record.turns]
    assert sorted(orders) == list(range(len(orders)))
    assert pair.canary.outcome == "completed"


@pytest.mark.slow
@needs_fork
def test_a_scenario_that_the_base_was_lent_runs_over_the_bases_model(duet):
    assert duet["candidates"]["borrowed"].lent
    pair = duet["pairs"]["borrowed"]
    assert pair.completed, (pair.base.reason, pair.head.reason)
    assert [record.metrics["side"] for record in (pair.base, pair.head)] == [128, 192]
    assert pair.base.foreign == pair.head.foreign == ()
    assert set(pair.base.files) == {"src/model/__init__.py"}
    assert set(pair.head.files) == {"new.py", "src/model/__init__.py"}


@pytest.mark.slow
@needs_fork
def test_an_editable_install_that_has_the_base_run_the_heads_code_is_found(duet):
    pair = duet["pairs"]["foreign"]
    # Without a word, head would have been compared with itself.
    assert pair.base.metrics["side"] == pair.head.metrics["side"] == WIDTHS["head"]
    assert pair.base.foreign == (f"fooled from {duet['root']}/head/src/fooled/__init__.py",)
    assert pair.head.foreign == ()


@pytest.mark.slow
@needs_fork
def test_both_sides_have_the_same_data_beside_a_package_that_is_called_scenarios(duet):
    base, head = duet["data"]["base"], duet["data"]["head"]
    assert base["event"] == head["event"] == "result", (base, head)
    assert base["data"] == head["data"]


@pytest.mark.slow
@needs_fork
@pytest.mark.parametrize(
    ("kind", "metric", "grows"),
    [("operators", "operators", 2.0), ("operators", "flops", 2 * 1.5**3), ("memory", "peak_heap", None)],
)
def test_passes_look_at_each_sides_own_code(duet, kind, metric, grows):
    found = duet["passes"][kind]
    assert set(found) == {"base", "head"}
    for name, record in found.items():
        assert (record.side, record.pass_, record.outcome) == (name, kind, "completed"), record.reason
        assert set(record.files) == {"bench.py", "src/model/__init__.py"}
        for artifact in record.artifacts.values():
            assert (duet["run"].path / artifact).is_file()
    ratio = found["head"].metrics[metric] / found["base"].metrics[metric]
    assert ratio > 1
    assert grows is None or ratio == pytest.approx(grows)
    paths = [set(record.artifacts.values()) for record in found.values()]
    assert not paths[0] & paths[1]


@pytest.mark.slow
@needs_fork
def test_calls_lead_into_each_sides_own_files(duet):
    for name, record in duet["passes"]["calls"].items():
        assert (record.side, record.pass_, record.outcome) == (name, "calls", "completed"), record.reason
        (products,) = [row for row in record.calls if row.caller.startswith("step (bench.py:")]
        assert products.calls == (1 if name == "base" else 2)


@pytest.mark.slow
@needs_fork
def test_every_record_is_on_the_disk(duet):
    from benchsuite.record import RunInfo

    duet["run"].write_info(RunInfo(command=(), started="", task="t"))
    run = load_run(duet["run"].path)
    assert not run.problems
    known = [r for pair in duet["pairs"].values() for r in (pair.base, pair.head, pair.canary)]
    known += [r for found in duet["passes"].values() for r in found.values()]
    assert len(run.records) == len(known) == 3 * 3 + 3 * 2
    for record in known:
        assert record in run.records


@pytest.mark.slow
@needs_fork
def test_nothing_is_left_in_a_sides_folder(duet):
    left = {path.name for name in WIDTHS for path in Path(duet["root"], name).iterdir()} - {"__pycache__"}
    assert left == {"src", "bench.py", "editable.py", "new.py", "base.mark", "head.mark", "scenarios"}
