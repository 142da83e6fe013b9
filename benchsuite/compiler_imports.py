"""How long a fresh process imports what torch.compile needs, measured once in a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchsuite.launcher import WorkerError

if TYPE_CHECKING:
    from benchsuite.starters import Starters
    from benchsuite.worker.protocol import TrialSpec

TIMEOUT_S = 300.0


def measure_imports(starters: Starters, spec: TrialSpec) -> tuple[dict[str, float], str]:
    """Return in ns, by phase, how long compiling imports beside the eager loop, and why that is not known.

    On a machine where nothing was compiled before, a worker compiles something first, and new zygotes import
    what that has needed: else the first round's first steps would hold a part of it, and no other round's.
    """
    message = _ask(starters, spec)
    if message.get("learnt"):
        starters.renew()
        message = _ask(starters, spec)
    return message.get("compiler_imports", {}), message.get("reason", "")


def _ask(starters: Starters, spec: TrialSpec) -> dict[str, Any]:
    fresh = starters.fresh()
    worker = fresh.start()
    try:
        worker.send(spec.to_json())
        return worker.receive(TIMEOUT_S)
    except WorkerError as error:
        return {"reason": str(error)}
    finally:
        worker.end()
        fresh.stop()
