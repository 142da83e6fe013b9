from __future__ import annotations

from datetime import date

from benchsuite.gate.measure import Work, measure
from benchsuite.gate.selection import Selection
from benchsuite.gate.settings import GateSettings, Quarantine, ScenarioLimits
from benchsuite.store import RunDirectory


class Silent:
    def working_on(self, what, done_s, left_s):
        pass

    def note(self, text):
        pass


def warnings_of(sides, directory, **configured):
    nothing = Selection(candidates=(), new=(), missing=(), skipped=())
    run = RunDirectory.create(directory)
    found = measure(sides, nothing, GateSettings(**configured), Work(task="task:task"), run, Silent(), str)
    return found.verdict.warnings


def test_an_entry_of_the_configuration_without_a_variant_is_warned_of(make_sides, make_candidate, tmp_path):
    sides = make_sides(make_candidate("work"))
    day = date(2026, 12, 31)
    assert warnings_of(
        sides,
        tmp_path,
        scenario_limits=(ScenarioLimits("wrok", {"leak": 1.0}), ScenarioLimits("wor", {"leak": 1.0})),
        quarantine=(Quarantine("zzz", "flaky", day), Quarantine("work", "flaky", day)),
    ) == (
        "scenario_limits of 'wrok' in the configuration: no variant's name contains that; the nearest are work.",
        "quarantine of 'zzz' in the configuration: no variant's name contains that; `python -m benchsuite list` shows them all.",
    )
