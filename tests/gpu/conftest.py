"""What only a GPU can show. Without one, each test that asks for `gpu` is skipped and says so."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import pytest
import torch

sys.path.append(str(Path(__file__).parent))


@pytest.fixture(scope="session")
def gpu():
    """Ask for a CUDA device; returns its name."""
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    return torch.cuda.get_device_name()


@pytest.fixture
def in_use(gpu, monkeypatch):
    """Return a function that runs a step until all that is made once is made, with the engine knowing that it uses CUDA."""
    from benchsuite.worker import device, timing

    monkeypatch.setattr(device._Use, "devices", ())

    def warm(step, count=10):
        for _ in range(count):
            timing.time_first_step(step)
        assert device.cuda_in_use()
        return step

    yield warm
    torch.cuda.synchronize()
    # What the next test counts must not be freed meanwhile.
    gc.collect()
    torch.cuda.empty_cache()
