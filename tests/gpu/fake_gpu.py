"""A host that launches and a GPU that works through what was launched, on one clock in ns."""

from __future__ import annotations


class FakeGpu:
    """Stands in for torch.cuda, and for `time`."""

    def __init__(self, launch_ns, kernel_ns=0.0, cycle_ns=1.0):
        self.host_ns = 0.0
        self.done_ns = 0.0
        self.launch_ns, self.kernel_ns, self.cycle_ns = launch_ns, kernel_ns, cycle_ns

    def perf_counter_ns(self):
        return self.host_ns

    def launch(self, kernel_ns):
        self.host_ns += self.launch_ns
        self.done_ns = max(self.done_ns, self.host_ns) + kernel_ns

    def _sleep(self, cycles):
        self.launch(self.kernel_ns + cycles * self.cycle_ns)

    def synchronize(self):
        self.host_ns = max(self.host_ns, self.done_ns)

    def Event(self, *, enable_timing):  # noqa: N802 - torch's name
        assert enable_timing
        return FakeEvent(self)


class FakeEvent:
    def __init__(self, gpu):
        self.gpu = gpu

    def record(self):
        self.place_ns = max(self.gpu.done_ns, self.gpu.host_ns)

    def elapsed_time(self, later):
        if self.gpu.host_ns < later.place_ns:
            raise RuntimeError("CUDA error: device not ready")
        return (later.place_ns - self.place_ns) / 1e6
