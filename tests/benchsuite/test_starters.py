from __future__ import annotations

import time

import pytest

from benchsuite.launcher import WorkerError, can_fork
from benchsuite.starters import Starters

pytestmark = pytest.mark.skipif(
    not can_fork(), reason="forking a process that has imported torch is safe on Linux alone"
)


@pytest.fixture
def starters():
    made = Starters(None)
    yield made
    made.renew()


def test_each_environment_has_one_starter_which_is_ready_once_prepared(starters):
    environments = [{}, {"PLANTED_VARIABLE": "1"}, {}]
    starters.prepare(environments)
    first, second = starters.get({}), starters.get({"PLANTED_VARIABLE": "1"})
    assert first is not second
    assert first is starters.get({})
    began = time.monotonic()
    starters.prepare(environments)
    importing_again = 0.5
    assert time.monotonic() - began < importing_again


def test_renewed_starters_are_other_processes(starters):
    first = starters.get({})
    starters.renew()
    assert starters.get({}) is not first


def test_closed_starters_start_no_more(starters):
    starter = starters.get({})
    starter.wait_until_ready()
    worker = starter.start()
    starters.close()
    with pytest.raises(WorkerError):
        worker.receive(20)
    with pytest.raises(WorkerError, match="no worker is started any more"):
        starters.get({})
    starters.renew()
    with pytest.raises(WorkerError):
        starters.get({"PLANTED_VARIABLE": "1"})
