from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchsuite import cgroup, procfs

if TYPE_CHECKING:
    from pathlib import Path


@given(st.text())
def test_parsers_take_any_text(text):
    assert all(isinstance(value, int) for value in procfs.parse_fields(text).values())
    pressure = procfs.parse_pressure(text)
    assert pressure is None or 0 <= pressure <= 1
    quota = cgroup.parse_quota(text)
    assert quota is None or quota > 0
    assert procfs.parse_cpu_model(text) != ""
    assert all(isinstance(group, str) for group in cgroup.parse_groups(text).values())


@given(st.dictionaries(st.from_regex(r"\A[a-z_]{1,20}\Z"), st.integers(0, 2**64 - 1)))
def test_fields_are_read_back(fields):
    assert procfs.parse_fields("".join(f"{name} {value}\n" for name, value in fields.items())) == fields
    assert procfs.parse_fields("".join(f"{name}:   {value} kB\n" for name, value in fields.items())) == fields


@given(st.decimals(0, 100, places=2))
def test_pressure_is_read_back_as_a_share(percent):
    text = f"some avg10={percent} avg60=0.00 avg300=0.00 total=12\nfull avg10=99.00 avg60=0.00\n"
    assert procfs.parse_pressure(text) == pytest.approx(float(percent) / 100)


@given(st.integers(1, 10**9), st.integers(1, 10**6))
def test_quota_is_read_back_in_cores(quota_us, period_us):
    assert cgroup.parse_quota(f"{quota_us} {period_us}") == quota_us / period_us


@pytest.mark.parametrize("text", ["max 100000", "-1 100000", "0 100000", "100000 0", "None None", ""])
def test_no_quota(text):
    assert cgroup.parse_quota(text) is None


@given(st.dictionaries(st.from_regex(r"\A[a-z_]{1,9}\Z"), st.from_regex(r"\A(/[a-z0-9:._-]{1,9}){1,3}\Z")))
def test_groups_are_read_back(groups):
    text = "".join(f"{number}:{name}:{group}\n" for number, (name, group) in enumerate(groups.items()))
    assert cgroup.parse_groups(text) == groups


def test_version_2_limits_hold_for_groups_within(tree):
    root = tree({
        "proc/self/cgroup": "0::/work.slice/job.scope\n",
        "sys/fs/cgroup/cgroup.controllers": "cpu memory\n",
        "sys/fs/cgroup/work.slice/cpu.max": "150000 100000\n",
        "sys/fs/cgroup/work.slice/cpu.stat": "usage_usec 7\nnr_periods 90\nnr_throttled 30\n",
        "sys/fs/cgroup/work.slice/memory.max": "4294967296\n",
        "sys/fs/cgroup/work.slice/memory.current": "3221225472\n",
        "sys/fs/cgroup/work.slice/memory.stat": "anon 5\ninactive_file 1073741824\n",
        "sys/fs/cgroup/work.slice/job.scope/cpu.max": "max 100000\n",
        "sys/fs/cgroup/work.slice/job.scope/memory.max": "max\n",
    })  # fmt: skip
    assert cgroup.cpu_quota(root) == 1.5
    assert cgroup.cpu_throttling(root) == cgroup.Throttling(periods=90, throttled=30)
    assert cgroup.memory_limit_bytes(root) == 4 * 2**30
    assert cgroup.memory_left_bytes(root) == 2 * 2**30


def test_version_1_limits(tree):
    root = tree({
        "proc/self/cgroup": "5:memory:/box\n4:cpu,cpuacct:/box\n0::/\n",
        "sys/fs/cgroup/cpu/box/cpu.cfs_quota_us": "50000\n",
        "sys/fs/cgroup/cpu/box/cpu.cfs_period_us": "100000\n",
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
        "sys/fs/cgroup/memory/box/memory.limit_in_bytes": "9223372036854771712\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "1073741824\n",
    })  # fmt: skip
    assert cgroup.cpu_quota(root) == 0.5
    assert cgroup.memory_limit_bytes(root) == 2**30


def test_a_group_of_the_host_that_the_container_cannot_see(tree):
    root = tree({
        "proc/self/cgroup": "0::/docker/0123\n",
        "sys/fs/cgroup/cpu.max": "200000 100000\n",
    })  # fmt: skip
    assert cgroup.cpu_quota(root) == 2


def test_an_empty_tree_has_no_limits_and_no_pressure(tmp_path: Path):
    assert cgroup.cpu_quota(tmp_path) is None
    assert cgroup.cpu_throttling(tmp_path) is None
    assert cgroup.memory_limit_bytes(tmp_path) is None
    assert cgroup.memory_left_bytes(tmp_path) is None
    assert procfs.cpu_pressure(tmp_path) is None
    assert procfs.turbo(tmp_path) is None


def test_clocks_and_siblings(tree):
    cpus = {f"sys/devices/system/cpu/cpu{n}/topology/thread_siblings_list": f"{n // 2}\n" for n in range(4)}
    governors = {f"sys/devices/system/cpu/cpu{n}/cpufreq/scaling_governor": "powersave\n" for n in range(4)}
    root = tree({**cpus, **governors, "sys/devices/system/cpu/intel_pstate/no_turbo": "0\n"})
    assert procfs.usable_cpus(root) == {0, 1, 2, 3}
    assert procfs.threads_per_core(root) == 2
    assert procfs.governor(root) == "powersave"
    assert procfs.turbo(root) is True
