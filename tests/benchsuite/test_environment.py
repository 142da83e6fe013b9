from __future__ import annotations

import dataclasses
import json
import os
import platform
import shutil
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchsuite import CUDA, CXX_COMPILER, Requirement, environment, nvml
from benchsuite.errors import UsageError

FACTS = st.dictionaries(
    st.text(max_size=5), st.text() | st.integers() | st.none() | st.booleans(), max_size=4
)
FAKE_DRIVER = """
#include <string.h>
#include <stdint.h>
int nvmlInit_v2(void) { return INIT; }
int nvmlShutdown(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) { *device = (void *)(uintptr_t)(index + 1); return 0; }
int nvmlDeviceGetName(void *device, char *name, unsigned length) {
    if ((uintptr_t)device > 2) return 2;
    strncpy(name, "NVIDIA H200", length);
    return 0;
}
"""


@pytest.fixture(autouse=True)
def _forget():
    environment.unmet.cache_clear()
    yield
    environment.unmet.cache_clear()


@pytest.fixture
def fake_driver(tmp_path):
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler to build a driver's library with")

    def build(init_code):
        library = tmp_path / f"libfake{init_code}.so"
        command = [compiler, "-shared", "-fPIC", f"-DINIT={init_code}", "-xc", "-", "-o", library]
        subprocess.run(command, input=FAKE_DRIVER, text=True, check=True)
        return str(library)

    return build


@pytest.fixture
def gpus(monkeypatch):
    def install(*names, problem=""):
        monkeypatch.setattr(nvml, "installed_gpus", lambda: nvml.Gpus(names, problem))

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return install


@pytest.fixture
def torch_version(monkeypatch, tmp_path):
    def install(text):
        (tmp_path / "torch").mkdir()
        (tmp_path / "torch" / "__init__.py").write_text(
            "raise ImportError('torch must not be imported here')"
        )
        (tmp_path / "torch" / "version.py").write_text(text)
        monkeypatch.delitem(sys.modules, "torch", raising=False)
        monkeypatch.syspath_prepend(tmp_path)

    return install


def test_this_machine():
    machine = environment.read_machine()
    assert 1 <= machine.num_cores <= machine.num_cores_online
    assert machine.memory_bytes > 2**28
    assert machine.cpu_model
    line = machine.describe()
    assert "\n" not in line
    assert f"Python {platform.python_version()}" in line


def test_a_limited_container_in_a_virtual_machine(tree, gpus):
    gpus("NVIDIA H200", "NVIDIA H200")
    cpus = {f"sys/devices/system/cpu/cpu{n}/topology/thread_siblings_list": f"{n}\n" for n in range(8)}
    root = tree({
        **cpus,
        "proc/cpuinfo": "processor : 0\nmodel name\t: AMD EPYC  9654\nflags\t\t: fpu vme hypervisor lm\n",
        "proc/meminfo": "MemTotal:       16777216 kB\nMemFree: 1 kB\n",
        "proc/self/cgroup": "0::/\n",
        "sys/fs/cgroup/cpu.max": "250000 100000\n",
        "sys/fs/cgroup/memory.max": "8589934592\n",
        "sys/class/dmi/id/sys_vendor": "QEMU\n",
        "etc/os-release": 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
        ".dockerenv": "",
    })  # fmt: skip
    machine = environment.read_machine(root)
    assert (machine.num_cores, machine.cpu_quota, machine.num_cores_online) == (2, 2.5, 8)
    assert machine.describe() == (
        "AMD EPYC 9654, 2 cores of 8 (quota 2.5), 8.0 GiB (limit), 2 x NVIDIA H200, "
        f"Debian GNU/Linux 12 (bookworm), Python {platform.python_version()} ({platform.python_implementation()}), "
        "Docker container, virtual machine (QEMU)"
    )


def test_a_machine_that_tells_nothing(tmp_path):
    machine = environment.read_machine(tmp_path)
    assert (machine.num_cores, machine.threads_per_core) == (1, 1)
    assert machine.cpu_model == os.uname().machine
    assert (machine.hypervisor, machine.container, machine.governor) == ("", "", "")


def test_a_quota_leaves_as_many_cores_as_it_feeds(tree):
    cpus = {f"sys/devices/system/cpu/cpu{n}/uevent": "" for n in range(4)}
    root = tree({**cpus, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"})
    assert environment.usable_cores(root) == (0,)
    (root / "sys/fs/cgroup/cpu.max").write_text("320000 100000\n")
    assert environment.usable_cores(root) == (0, 1, 2)
    (root / "sys/fs/cgroup/cpu.max").write_text("max 100000\n")
    assert environment.usable_cores(root) == (0, 1, 2, 3)


def test_the_fingerprint_outlives_json_and_ignores_the_kernel():
    machine = dataclasses.asdict(environment.read_machine())
    worker, data = {"torch": "2.15.0", "threads": 1, "env": {"OMP_NUM_THREADS": "1"}}, {"train": "ab12"}
    first = environment.fingerprint(machine, worker, data)
    assert len(first) == 12
    assert environment.fingerprint(json.loads(json.dumps(machine)), worker, data) == first
    assert environment.fingerprint({**machine, "kernel": "Linux 99"}, worker, data) == first
    assert environment.fingerprint({**machine, "num_cores": 99}, worker, data) != first


def test_differences_name_what_changed():
    base = environment.comparable_facts({"num_cores": 2}, {"env": {"OMP_NUM_THREADS": "1"}, "threads": 1}, {})
    head = environment.comparable_facts({"num_cores": 4}, {"env": {}, "threads": 1}, {})
    assert environment.differences(base, head) == {
        "machine.num_cores": ("2", "4"),
        "environment.env.OMP_NUM_THREADS": ("1", None),
    }


@given(FACTS, FACTS)
def test_fingerprints_agree_exactly_where_nothing_differs(one, other):
    facts, others = environment.comparable_facts(one, {}, {}), environment.comparable_facts(other, {}, {})
    same = environment.fingerprint(one, {}, {}) == environment.fingerprint(other, {}, {})
    assert same == (not environment.differences(facts, others))


def test_gpus_are_counted_by_the_drivers_library(fake_driver):
    assert nvml.installed_gpus(fake_driver(0)) == nvml.Gpus(("NVIDIA H200", "NVIDIA H200"))
    assert "not loaded" in nvml.installed_gpus(fake_driver(9)).problem
    assert "restart" in nvml.installed_gpus(fake_driver(18)).problem
    assert "999" in nvml.installed_gpus(fake_driver(999)).problem
    assert nvml.installed_gpus("libno-such-driver.so.1") == nvml.Gpus()


@pytest.mark.parametrize(
    ("visible", "left"),
    [
        ("", ""), ("-1", ""), ("0", "a"), ("1,0", "ba"), ("0,7,1", "a"), ("0,0", ""), ("NoDevFiles", ""),
        ("2, 1", "cb"), ("1,99999999999", "b"),
    ],
)  # fmt: skip
def test_what_cuda_visible_devices_leaves(visible, left):
    assert "".join(nvml.visible_names(("a", "b", "c"), visible)) == left


def test_gpus_named_by_uuid_count():
    assert nvml.visible_names(("a", "b"), "GPU-5ebe9f43,MIG-1b2c") == ("GPU", "GPU")
    assert nvml.visible_names(("a", "a"), "GPU-5ebe9f43") == ("a",)


def test_no_gpu(gpus):
    gpus()
    assert environment.unmet(CUDA) == "no NVIDIA GPU is visible"


def test_too_few_gpus(gpus):
    gpus("a")
    assert environment.unmet(Requirement("cuda", "2")) == "2 NVIDIA GPUs are needed, 1 can be seen"


def test_hidden_gpus(gpus, monkeypatch):
    gpus("a", "b")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert environment.unmet(CUDA) == "CUDA_VISIBLE_DEVICES leaves 0 of 2 GPUs: unset it"


def test_a_driver_with_a_problem(gpus):
    gpus(problem="restart the machine")
    assert environment.unmet(CUDA) == "restart the machine"


@pytest.mark.parametrize("line", ["cuda: Optional[str] = '13.2'", "cuda = '11.8'"])
def test_a_cuda_build_of_torch(gpus, torch_version, line):
    gpus("a")
    torch_version(f"__version__ = '2.15.0+cu132'\n{line}\nhip: Optional[str] = None\n")
    assert environment.unmet(CUDA) is None


def test_a_torch_without_cuda(gpus, torch_version):
    gpus("a")
    torch_version("__version__ = '2.15.0+cpu'\ncuda: Optional[str] = None\n")
    reason = environment.unmet(CUDA)
    assert reason == "torch 2.15.0+cpu was built without CUDA: install a CUDA build of torch"


@pytest.mark.parametrize("argument", ["0", "two", "-1", "1.5"])
def test_no_number_of_gpus(argument):
    with pytest.raises(UsageError, match="no number of GPUs"):
        environment.unmet(Requirement("cuda", argument))


def test_no_compiler(monkeypatch, tmp_path):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environment.unmet(CXX_COMPILER) == "no C++ compiler was found: install g++ or set CXX"
    environment.unmet.cache_clear()
    (tmp_path / "clang++").write_text("#!/bin/sh\n")
    (tmp_path / "clang++").chmod(0o755)
    assert environment.unmet(CXX_COMPILER) == "no C++ compiler was found: install g++ or set CXX=clang++"


@pytest.mark.parametrize("compiler", ["no-such-compiler", "false", "", "'"])
def test_cxx_names_what_does_not_run(monkeypatch, compiler):
    monkeypatch.setenv("CXX", compiler)
    reason = environment.unmet(CXX_COMPILER)
    assert reason is not None
    assert repr(compiler) in reason


def test_cxx_may_hold_options_but_python_needs_its_headers(monkeypatch, tmp_path):
    monkeypatch.setenv("CXX", "true -O2")
    monkeypatch.setattr("sysconfig.get_path", lambda _name: str(tmp_path))
    assert "python3-dev" in str(environment.unmet(CXX_COMPILER))
    environment.unmet.cache_clear()
    (tmp_path / "Python.h").touch()
    assert environment.unmet(CXX_COMPILER) is None


@pytest.mark.parametrize("name", ["json", "json.decoder", "importlib.metadata._meta"])
def test_a_module_that_is_there(name):
    assert environment.unmet(Requirement("module", name)) is None


@pytest.mark.parametrize("name", ["no_such_module", "json.no_such_module", "no_such.module", ""])
def test_a_module_that_is_missing(name):
    assert environment.unmet(Requirement("module", name)) == f"the Python module {name!r} is not installed"


def test_nothing_here_imports_torch_numpy_or_psutil():
    code = (
        "import sys\n"
        "from benchsuite import CUDA, CXX_COMPILER, Requirement, environment\n"
        "for r in (CUDA, CXX_COMPILER, Requirement('module', 'torch.distributed')): environment.unmet(r)\n"
        "environment.read_machine().describe()\n"
        "assert not {'torch', 'numpy', 'psutil'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
