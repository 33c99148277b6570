"""Jobs go to the executor of a cluster's client; `tests/e2e/test_dask.py` has a real one."""

from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial

import pytest

from telemetry.domain.errors import OutOfReachError

dask = pytest.importorskip("telemetry.adapters.dask", reason="the extra `dask` is not installed")


class Client:
    """A client whose executor is a thread."""

    made = 0

    def __init__(self, address: str, timeout: float, *, set_as_default: bool) -> None:
        if address == "tcp://away:1":
            raise OSError("Timed out trying to connect\nto tcp://away:1")
        type(self).made += 1
        self.executor = ThreadPoolExecutor(1)

    def get_executor(self, *, pure: bool) -> Executor:
        return self.executor

    def close(self) -> None:
        self.executor.shutdown()


async def job(result: int) -> int:
    if result < 0:
        raise dask.KilledWorker("task", None, 3)
    return result


@pytest.fixture(autouse=True)
def client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask, "Client", Client)


async def test_it_connects_once_and_returns_what_jobs_return():
    engine = dask.DaskEngine("tcp://here:1")
    await engine.close()
    made = Client.made
    assert [await engine(partial(job, result)) for result in (1, 2)] == [1, 2]
    assert Client.made == made + 1
    await engine.close()
    await engine.close()


async def test_a_scheduler_that_does_not_answer_is_named_on_one_line():
    with pytest.raises(OutOfReachError) as refusal:
        await dask.DaskEngine("tcp://away:1")(partial(job, 1))
    said = "DASK_SCHEDULER: tcp://away:1: no scheduler answers: Timed out trying to connect to tcp://away:1"
    assert str(refusal.value) == said


async def test_a_job_that_kills_its_workers_may_be_tried_later():
    engine = dask.DaskEngine("tcp://here:1")
    with pytest.raises(OutOfReachError, match="Workers of tcp://here:1 died of a job"):
        await engine(partial(job, -1))
    await engine.close()
