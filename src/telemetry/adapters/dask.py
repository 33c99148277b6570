"""The engine on a cluster of Dask: jobs go to its scheduler, which knows its workers and their deaths.

What a worker that died was doing is given to another one by the scheduler. Jobs read the store and write the
cache by themselves, so that these have to be where every worker finds them under the same name.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, Generic, TypeVar

from distributed import Client, KilledWorker

from telemetry.domain.errors import OutOfReachError

R = TypeVar("R")

_PATIENCE_S: Final = 10.0


class DaskEngine:
    """Runs jobs on the workers of one scheduler, as many at once as they have threads."""

    def __init__(self, address: str) -> None:
        """Connect at the first job to the scheduler at `address`: `tcp://10.0.0.7:8786`."""
        self._address = address
        self._client: Any = None
        self._connecting = asyncio.Lock()

    async def __call__(self, job: Callable[[], Awaitable[R]]) -> R:
        executor = await self._executor()
        try:
            return await asyncio.get_running_loop().run_in_executor(executor, _Run(job))
        except KilledWorker as error:
            raise OutOfReachError(
                f"Workers of {self._address} died of a job, maybe for its memory"
            ) from error

    async def close(self) -> None:
        if self._client:
            await asyncio.to_thread(self._client.close)
            self._client = None

    async def _executor(self) -> Any:  # noqa: ANN401  # distributed has no types
        async with self._connecting:
            if self._client is None:
                self._client = await asyncio.to_thread(self._connect)
        return self._client.get_executor(pure=False)

    def _connect(self) -> Any:  # noqa: ANN401  # as above
        try:
            client: Any = Client  # which has no types
            return client(self._address, timeout=_PATIENCE_S, set_as_default=False)
        except (OSError, ValueError) as error:
            why = " ".join(str(error).split())
            raise OutOfReachError(f"DASK_SCHEDULER: {self._address}: no scheduler answers: {why}") from error


class _Run(Generic[R]):
    """One run of a job on a loop of its own."""

    def __init__(self, job: Callable[[], Awaitable[R]]) -> None:
        self._job = job

    def __call__(self) -> R:
        return asyncio.run(self._main())

    async def _main(self) -> R:
        return await self._job()
