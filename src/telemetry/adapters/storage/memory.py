"""The store in memory, for tests; it is lost when its process ends."""

from collections.abc import Sequence

from telemetry.domain.clock import Clock
from telemetry.domain.store.storage import ObjectExistsError, ObjectInfo, ObjectNotFoundError


class MemoryStorage:
    """Objects in a dictionary."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._objects: dict[str, tuple[bytes, ObjectInfo]] = {}

    async def put(self, key: str, data: bytes, *, overwrite: bool = False) -> None:
        if key in self._objects and not overwrite:
            if self._objects[key][0] != data:
                raise ObjectExistsError(key)
            return
        self._objects[key] = data, ObjectInfo(key, len(data), self._clock.wall_ms())

    async def get(self, key: str) -> bytes:
        try:
            return self._objects[key][0]
        except KeyError:
            raise ObjectNotFoundError(key) from None

    async def list(self, prefix: str) -> Sequence[ObjectInfo]:
        return sorted(info for key, (_, info) in self._objects.items() if key.startswith(prefix))

    async def folders(self, prefix: str) -> Sequence[str]:
        rests = [key.removeprefix(prefix) for key in self._objects if key.startswith(prefix)]
        return sorted({f"{prefix}{rest.partition('/')[0]}/" for rest in rests if "/" in rest})

    async def delete(self, key: str) -> None:
        self._objects.pop(key, None)

    async def close(self) -> None:
        pass
