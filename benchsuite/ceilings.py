"""The machine's ceilings, measured once in a run and in a worker of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchsuite.launcher import WorkerError

if TYPE_CHECKING:
    from benchsuite.starters import Starters
    from benchsuite.worker.protocol import TrialSpec

TIMEOUT_S = 120.0


def measure_ceilings(starters: Starters, spec: TrialSpec) -> tuple[dict[str, float], str]:
    """Return the ceilings by name, and why there are none where they could not be measured.

    Raises:
        BenchsuiteError: no worker could be started.
    """
    worker = starters.get({}).start()
    try:
        worker.send(spec.to_json())
        message = worker.receive(TIMEOUT_S)
    except WorkerError as error:
        return {}, str(error)
    finally:
        worker.end()
    return message.get("ceilings", {}), message.get("reason", "")
