from __future__ import annotations

import sys
from collections import namedtuple

import pytest

from benchsuite import environment, load, nvml
from benchsuite.doctor import GIB, inspect_machine

QUIET = load.Load(
    num_cores=2,
    busy_cores=0.02,
    busiest=(),
    average=0.1,
    pressure=0.0,
    steal=0.0,
    steal_since_boot=0.001,
    throttled=0,
    available_bytes=20 * GIB,
    swap_used_bytes=0,
)
Usage = namedtuple("Usage", ["total", "used", "free"])  # noqa: PYI024 - as shutil's


@pytest.fixture
def look(tmp_path, monkeypatch):
    """Inspect a quiet machine in an empty tree, with what a test changes; return the findings by name."""
    monkeypatch.setattr(environment, "unmet", lambda _requirement: None)
    monkeypatch.setattr(nvml, "installed_gpus", nvml.Gpus)
    monkeypatch.setattr(sys, "gettrace", lambda: None)

    def inspect(*, runs_dir=tmp_path, root=tmp_path, environ=None, **changes):
        quiet = load.Load(**{name: getattr(QUIET, name) for name in QUIET.__slots__} | changes)
        found = inspect_machine(runs_dir=runs_dir, root=root, environ=environ or {}, load=quiet)
        return {finding.name: finding for finding in found}

    return inspect


def cores(count, siblings=1):
    files = {}
    for cpu in range(count):
        files[f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"] = f"{cpu // siblings}\n"
    return files


def test_a_good_machine(look, tree):
    found = look(root=tree(cores(4)))
    assert {finding.level for finding in found.values()} == {"ok"}
    assert {"cores", "busy", "pressure", "steal", "memory", "disk", "compiler", "memray", "GPU"} <= set(found)


@pytest.mark.parametrize(
    ("change", "name", "level"),
    [
        ({"busy_cores": 0.3}, "busy", "warn"),
        ({"busy_cores": 1.2, "busiest": (("rustc", 0.9), ("sh", 0.3))}, "busy", "bad"),
        ({"average": 1.5}, "load average", "warn"),
        ({"pressure": 0.1}, "pressure", "warn"),
        ({"pressure": 0.4}, "pressure", "bad"),
        ({"steal": 0.08}, "steal", "warn"),
        ({"steal": 0.0, "steal_since_boot": 0.2}, "steal", "bad"),
        ({"throttled": 3}, "throttling", "bad"),
        ({"available_bytes": 3 * GIB}, "memory", "warn"),
        ({"available_bytes": GIB}, "memory", "bad"),
        ({"swap_used_bytes": 3 * GIB}, "swap", "warn"),
    ],
)
def test_load_that_spoils_measurements(look, change, name, level):
    finding = look(**change)[name]
    assert finding.level == level
    assert finding.remedy


def test_the_busiest_processes_are_named(look):
    message = look(busy_cores=1.2, busiest=(("rustc", 0.9), ("sh", 0.3)))["busy"].message
    assert message == "others keep 1.2 of 2 cores busy: rustc 0.9, sh 0.3"


def test_what_the_system_cannot_tell_is_left_out(look):
    found = look(average=None, pressure=None, steal=None, steal_since_boot=None)
    assert not {"load average", "pressure", "steal", "clocks", "turbo", "quota", "swap"} & set(found)


@pytest.mark.parametrize(
    ("files", "name", "level"),
    [
        (cores(1), "cores", "warn"),
        (cores(4, siblings=2), "cores", "warn"),
        ({"sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave\n"}, "clocks", "warn"),
        ({"sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "performance\n"}, "clocks", "ok"),
        ({"sys/devices/system/cpu/cpufreq/boost": "1\n"}, "turbo", "ok"),
        ({"sys/hypervisor/type": "xen\n"}, "virtual machine", "warn"),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, "quota", "warn"),
    ],
)
def test_processors(look, tree, files, name, level):
    assert look(root=tree(files))[name].level == level


def test_the_containers_memory_counts(look, tree):
    files = {
        "proc/self/cgroup": "0::/\n",
        "sys/fs/cgroup/memory.max": str(4 * GIB),
        "sys/fs/cgroup/memory.current": str(3 * GIB),
    }
    finding = look(root=tree(files))["memory"]
    assert (finding.level, finding.message) == ("bad", "1.0 GiB of memory are available")


@pytest.mark.parametrize(("free", "level"), [(GIB // 8, "bad"), (GIB, "warn"), (3 * GIB, "ok")])
def test_room_for_runs_that_do_not_exist_yet(look, monkeypatch, tmp_path, free, level):
    monkeypatch.setattr("shutil.disk_usage", lambda _path: Usage(9 * GIB, 0, free))
    assert look(runs_dir=tmp_path / "not" / "there")["disk"].level == level


def test_variables_are_named_and_paths_kept_out(look):
    environ = {
        "OMP_NUM_THREADS": "1",
        "LD_PRELOAD": "/home/someone/x.so",
        "TORCH_HOME": "/t",
        "MKL_VERBOSE": "",
    }
    message = look(environ=environ)["environment"].message
    assert message == "LD_PRELOAD, OMP_NUM_THREADS=1 change what is measured"


def test_debugging(look, monkeypatch):
    assert look(environ={"PYTHONTRACEMALLOC": "5"})["debugging"].level == "bad"
    monkeypatch.setattr(sys, "gettrace", lambda: print)
    assert look()["debugging"].level == "bad"


def test_missing_software(look, monkeypatch):
    monkeypatch.setattr(environment, "unmet", lambda requirement: f"no {requirement.kind}: get one")
    found = look()
    assert [found[name].level for name in ("compiler", "memray", "GPU")] == ["warn", "warn", "ok"]
    assert found["compiler"].message == "no cxx_compiler: get one; what needs it is skipped"


def test_a_gpu_that_torch_cannot_use(look, monkeypatch):
    monkeypatch.setattr(environment, "unmet", lambda _requirement: "torch was built without CUDA")
    monkeypatch.setattr(nvml, "installed_gpus", lambda: nvml.Gpus(("NVIDIA H200",)))
    assert look()["GPU"].level == "warn"


def test_watching_this_machine():
    seen = load.watch(0.05)
    assert 0 <= seen.busy_cores <= seen.num_cores
    assert seen.available_bytes > 0


def test_looking_at_this_machine():
    assert {finding.level for finding in inspect_machine()} <= {"ok", "warn", "bad"}


def test_an_idle_tick_is_no_load():
    ticks = {"user": 0.01, "guest": 0.01, "idle": 0.5, "iowait": 0.05, "steal": 0.04}
    assert load._total(ticks) == pytest.approx(0.6)
    assert load._busy(ticks) == pytest.approx(0.01)
