from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch._dynamo.utils import counters

from benchsuite import CUDA, CXX_COMPILER, Skip, Task
from benchsuite.environment import unmet
from benchsuite.turns import ROUNDS
from reports.latency import samples_needed
from scenarios import engines
from scenarios import serving as module
from scenarios.cnn import CNN
from scenarios.engines import Engine, make_engine, num_quantised, quantised
from scenarios.mnist import task
from scenarios.parity import fresh_weights
from scenarios.serving import TEST_ITEMS, Settings, answering, in_batches, serving

MODES = ["single", "offline"]
EAGER_OR_INT8 = ["eager", "int8"]


class ModelOnly(Task):
    name = "model only"

    def make_model(self):
        return CNN()

    def example_batch(self, size):
        return torch.linspace(-1, 1, size * 784).reshape(size, 1, 28, 28), torch.zeros(
            size, dtype=torch.int64
        )


def unpacked():
    """Return the files of AOTInductor's packages that this process has loaded; each torch has its own name for their folder."""
    mapped = {line.split(maxsplit=5)[-1].strip() for line in Path("/proc/self/maps").read_text().splitlines()}
    return {path for name in mapped if "/aotinductor/" in name and (path := Path(name)).exists()}


@pytest.fixture
def faulty(monkeypatch):
    """Return a function that puts a fault behind each engine's answer."""

    def plant(fault):
        def make(name, model, inputs, device):
            engine = make_engine(name, model, inputs, device)
            return Engine(lambda asked: fault(engine.infer(asked)))

        monkeypatch.setattr(module, "make_engine", make)

    return plant


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """Give this test a compile cache of its own, as each variant has one."""
    torch.compiler.reset()
    counters.clear()
    monkeypatch.setenv(engines.CACHE_VARIABLE, str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("engine", EAGER_OR_INT8)
def test_a_trained_model_is_served(engine, mode, failing):
    workload = serving.build(Settings(engine, mode=mode), task)
    assert workload.step().shape == (workload.items_per_step, 10)
    checks = {check.name for check in workload.check()}
    assert checks >= {"output_not_finite", "output_error_against_eager", "accuracy"}
    assert ("agreement_with_eager" in checks) == (engine == "int8")
    assert failing(workload.check()) == set()
    assert workload.metrics["accuracy"] >= 0.9


def test_a_single_request_has_enough_samples_for_its_p99_in_one_round():
    steps = math.ceil(serving.build(Settings(), task).min_steps / ROUNDS) * ROUNDS
    assert steps - ROUNDS >= samples_needed(99)


@pytest.mark.parametrize("size", [32, 512])
def test_the_sweep_counts_what_a_call_answers(size, failing):
    workload = serving.build(Settings(batch_size=size, mode="offline"), task)
    assert workload.items_per_step == size
    assert len(workload.step()) == size
    assert failing(workload.check()) == set()


@pytest.mark.parametrize("mode", MODES)
def test_an_engine_that_is_off_by_a_permille_fails(mode, faulty, failing):
    faulty(lambda output: output * 1.001)
    workload = serving.build(Settings(mode=mode), task)
    assert failing(workload.check()) == {"output_error_against_eager"}


@pytest.mark.parametrize("engine", EAGER_OR_INT8)
def test_an_engine_that_mixes_up_the_answers_of_a_batch_fails(engine, faulty, failing):
    faulty(lambda output: output.roll(1, 0))
    failed = failing(serving.build(Settings(engine, mode="offline"), task).check())
    expected = {"output_error_against_eager", "accuracy"}
    if engine == "int8":
        expected |= {"agreement_with_eager", "accuracy_lost_against_eager"}
    assert failed == expected


def test_an_engine_that_answers_nan_fails(faulty, failing):
    faulty(lambda output: output * float("nan"))
    failed = failing(serving.build(Settings(), task).check())
    assert {"output_not_finite", "output_error_against_eager"} <= failed


def test_a_model_that_was_not_trained_fails(monkeypatch, failing):
    monkeypatch.setattr(module, "trained_weights", fresh_weights)
    assert failing(serving.build(Settings(), task).check()) == {"accuracy"}


def test_a_task_without_data_is_served_with_fresh_weights(failing):
    workload = serving.build(Settings(mode="offline"), ModelOnly())
    checks = workload.check()
    assert {check.name for check in checks} == {"output_not_finite", "output_error_against_eager"}
    assert failing(checks) == set()
    assert workload.metrics == {}


def test_every_variant_of_a_mode_is_asked_for_the_same_items_in_whole_batches(small_task):
    for mode, items in TEST_ITEMS.items():
        inputs, target = module._test_items(small_task, mode)
        assert len(inputs) == len(target) == items
        assert torch.equal(inputs[:10], inputs[100:110]), "a test set of 100 starts over"
        sizes = {variant.items for variant in serving.variants if variant.mode == mode}
        assert all(items % size == 0 for size in sizes)


def test_an_engine_is_asked_in_its_own_batches():
    sizes = []

    def infer(inputs):
        sizes.append(len(inputs))
        return inputs

    inputs = torch.arange(6.0).unsqueeze(1)
    found = in_batches(infer, inputs, Settings(batch_size=3, mode="offline"))
    assert sizes == [3, 3]
    assert torch.equal(found, inputs)


def test_only_a_single_request_on_a_gpu_waits_for_its_answer(monkeypatch):
    waits = []

    class Stream:
        def synchronize(self):
            waits.append("for the answer")

    monkeypatch.setattr(torch.cuda, "current_stream", Stream)
    for mode in MODES:
        for device in ("cpu", "cuda"):
            step = answering(lambda inputs: inputs + 1, torch.ones(1), Settings(mode=mode, device=device))
            assert step() == 2
            assert bool(waits) == ((mode, device) == ("single", "cuda"))
            waits.clear()


def test_int8_layers_are_int8_and_the_float_model_stays_as_it_was(recwarn):
    model = CNN().eval()
    assert num_quantised(quantised(model)) == 2
    assert num_quantised(model) == 0
    assert not [warning for warning in recwarn if "deprecated" in str(warning.message)]


def test_a_model_without_layers_to_quantise_is_skipped():
    with pytest.raises(Skip, match="no linear or recurrent layer"):
        quantised(torch.nn.Conv2d(1, 1, 3))


def test_a_torch_without_quantisation_is_skipped(monkeypatch):
    monkeypatch.delattr(torch.ao.quantization, "quantize_dynamic")
    with pytest.raises(Skip, match="no longer has"):
        quantised(CNN())


def test_aotinductor_on_a_gpu_asks_for_the_headers_that_it_compiles_against(monkeypatch, tmp_path):
    from torch.utils import cpp_extension

    def no_toolkit(_device):
        raise OSError("CUDA_HOME environment variable is not set")

    monkeypatch.setattr(engines, "CUDA_HEADER", "a_header_that_nobody_has.h")
    for folders in (no_toolkit, lambda _device: [str(tmp_path)]):
        monkeypatch.setattr(cpp_extension, "include_paths", folders)
        with pytest.raises(Skip, match="set CUDA_HOME"):
            engines._demand_cuda_headers()
    (tmp_path / "a_header_that_nobody_has.h").touch()
    engines._demand_cuda_headers()


def test_what_each_engine_needs():
    for variant in serving.described():
        settings = serving.settings_from(variant.settings)
        compiled = settings.engine in {"compiled", "aotinductor"}
        assert (CXX_COMPILER in variant.requirements) == compiled
        assert (CUDA in variant.requirements) == (settings.device == "cuda")
        assert variant.process.own_compile_cache == compiled
        assert variant.changes == {}
    refused = serving.requires(Settings("int8", device="cuda"))[0]
    assert "CPU alone" in unmet(refused)


def test_the_sweep_belongs_to_eager_and_to_whole_batches():
    variants = [v for v in serving.described() if v.settings["device"] == "cpu"]
    assert len(variants) == 11
    swept = {v.settings["batch_size"] for v in variants if v.settings["batch_size"]}
    assert swept == {32, 128, 512}
    assert all(v.settings["engine"] == "eager" for v in variants if v.settings["batch_size"])
    assert [v.id for v in variants if v.baseline] == [
        "serving[engine=eager]",
        "serving[engine=eager,mode=offline]",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_a_compiled_engine_is_compiled_and_equals_eager(mode, own_cache, failing):
    workload = serving.build(Settings("compiled", mode=mode), task)
    workload.step()
    checks = workload.check()
    assert "compiled_graphs" in {check.name for check in checks}
    assert failing(checks) == set()


def test_a_compiler_that_compiles_nothing_fails(monkeypatch, failing):
    counters.clear()
    monkeypatch.setattr(torch, "compile", lambda function, **_options: function)
    workload = serving.build(Settings("compiled"), task)
    workload.step()
    assert failing(workload.check()) == {"compiled_graphs"}


@pytest.mark.slow
def test_a_package_is_compiled_once_and_then_loaded(own_cache, failing, monkeypatch):
    first = serving.build(Settings("aotinductor", mode="offline"), task)
    assert first.metrics["compile_time"] > 0
    assert failing(first.check()) == set()
    assert (own_cache / engines.PACKAGE).is_file()
    assert not list(own_cache.glob(f"*-{engines.PACKAGE}")), "the part that was renamed"

    def refuse(*_args, **_options):
        raise AssertionError("it compiles again")

    monkeypatch.setattr(torch._inductor, "aoti_compile_and_package", refuse)
    again = serving.build(Settings("aotinductor", mode="offline"), task)
    assert "compile_time" not in again.metrics
    assert torch.equal(first.step(), again.step())
    before = unpacked()
    first.close()
    again.close()
    assert len(before - unpacked()) == 2


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("engine", ["eager", "compiled", "aotinductor"])
def test_on_a_gpu_each_engine_equals_eager(engine, mode, own_cache, failing):
    workload = serving.build(Settings(engine, mode=mode, device="cuda"), task)
    for _ in range(3):
        assert workload.step().is_cuda
    assert failing(workload.check()) == set()
