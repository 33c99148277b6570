"""The store on Amazon S3: an object exists once its put was answered.

A put without `overwrite` is conditional (`If-None-Match: *`). A put is tried again if its answer was lost, or
if it was in conflict with another put of the same key (409). If the object then exists (412), it is read: the
same bytes are success, and other bytes are not. The SDK adds a CRC to every body that it sends, and S3 checks
it before it answers. S3 returns the CRC with every body that is read, and the SDK checks it. No body needs a
multipart upload, which is useful only far above the 5 MB that an object of the raw store may have.
"""

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from operator import methodcaller
from typing import Any, Final

from telemetry.adapters.aws import ATTEMPTS, AwsError, Client
from telemetry.domain.backoff import Backoff
from telemetry.domain.store.storage import (
    ObjectExistsError,
    ObjectInfo,
    ObjectNotFoundError,
    StoreUnavailableError,
)

_PATIENCE_S: Final = 20.0  # for an answer
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 1.0
_EXISTS: Final = "PreconditionFailed"
_CONFLICTS: Final = frozenset({"ConditionalRequestConflict", "OperationAborted"})
_MISSING: Final = "NoSuchKey"

_LINES: Final = {"ContentType": "application/x-ndjson; charset=utf-8"}
_KINDS: Final = {
    ".jsonl": _LINES,
    ".jsonl.zst": {**_LINES, "ContentEncoding": "zstd"},
    ".json": {"ContentType": "application/json"},
}
"""The headers that a browser and Athena need, by the ending of an object's key."""


class S3Storage:
    """Objects of `bucket` whose keys begin with `prefix`."""

    def __init__(self, bucket: str, prefix: str = "") -> None:
        """Check that the bucket can be used. Raise StoreUnavailableError naming the setting to change.

        A HEAD would be answered without a reason, and a role may be allowed to list only below its prefix.
        """
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        with self._errors(""):
            self._s3 = Client("s3", "S3_BUCKET", _PATIENCE_S)
            ask = methodcaller("list_objects_v2", Bucket=bucket, Prefix=self._prefix, MaxKeys=1)
            self._s3.call_blocking(ask)

    def __reduce__(self) -> tuple[Callable[[str, str], "S3Storage"], tuple[str, str]]:
        """Let it pass to another process, which makes a client of its own, once."""
        return _remade, (self._bucket, self._prefix)

    async def put(self, key: str, data: bytes, *, overwrite: bool = False) -> None:
        condition = {} if overwrite else {"IfNoneMatch": "*"}
        kind = next((kind for ending, kind in _KINDS.items() if key.endswith(ending)), {})
        try:
            with self._errors(key):
                await self._put(key, {"Body": data, **kind, **condition})
        except FileExistsError:
            if await self.get(key) != data:
                raise ObjectExistsError(key) from None

    async def get(self, key: str) -> bytes:
        def read(s3: Any) -> bytes:  # noqa: ANN401  # boto3 makes its clients at run time
            body: bytes = s3.get_object(Bucket=self._bucket, Key=self._prefix + key)["Body"].read()
            return body

        try:
            with self._errors(key):
                return await self._s3.call(read)
        except FileNotFoundError:
            raise ObjectNotFoundError(key) from None

    async def list(self, prefix: str) -> Sequence[ObjectInfo]:
        with self._errors(prefix):
            return await self._s3.call(lambda s3: sorted(self._list(s3, prefix)))

    async def folders(self, prefix: str) -> Sequence[str]:
        with self._errors(prefix):
            return await self._s3.call(lambda s3: sorted(self._folders(s3, prefix)))

    async def delete(self, key: str) -> None:
        with self._errors(key):
            await self._s3.call(lambda s3: s3.delete_object(Bucket=self._bucket, Key=self._prefix + key))

    async def close(self) -> None:
        self._s3.close()

    async def _put(self, key: str, parameters: dict[str, Any]) -> None:
        """Put an object; try again if the put was in conflict with another put of its key."""
        backoff = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S, random.random)
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(backoff.pause_s())
            try:
                await self._s3.call(
                    lambda s3: s3.put_object(Bucket=self._bucket, Key=self._prefix + key, **parameters)
                )
            except AwsError as error:
                if error.code not in _CONFLICTS or attempt == ATTEMPTS - 1:
                    raise
            else:
                return

    def _list(self, s3: Any, prefix: str) -> Iterator[ObjectInfo]:  # noqa: ANN401  # as above
        pages = s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix + prefix
        )
        for page in pages:
            for each in page.get("Contents", ()):
                key = each["Key"].removeprefix(self._prefix)
                yield ObjectInfo(key, each["Size"], round(each["LastModified"].timestamp() * 1000))

    def _folders(self, s3: Any, prefix: str) -> Iterator[str]:  # noqa: ANN401  # as above
        pages = s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix + prefix, Delimiter="/"
        )
        for page in pages:
            for each in page.get("CommonPrefixes", ()):
                yield each["Prefix"].removeprefix(self._prefix)

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        """Turn an AwsError about a key, or about what begins so, into one that names it.

        It is FileExistsError or FileNotFoundError of an object, or StoreUnavailableError.
        """
        try:
            yield
        except AwsError as error:
            said = f"{error} (s3://{self._bucket}/{self._prefix}{key})"
            if error.code == _EXISTS:
                raise FileExistsError(said) from error
            if error.code == _MISSING:
                raise FileNotFoundError(said) from error
            unavailable = StoreUnavailableError(said)
            unavailable.needs_restart = error.needs_restart
            raise unavailable from error


@lru_cache(maxsize=4)
def _remade(bucket: str, prefix: str) -> S3Storage:
    return S3Storage(bucket, prefix)
