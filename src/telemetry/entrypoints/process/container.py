"""The wiring: settings, then adapters, then use-cases, top to bottom."""

from dependency_injector import containers, providers

from telemetry.adapters.clock import SystemClock
from telemetry.adapters.http.client import HttpGateway
from telemetry.adapters.provision import Provisioner
from telemetry.adapters.queue.memory import MemoryQueue
from telemetry.adapters.queue.sqlite import SqliteQueue
from telemetry.adapters.queue.sqs import SqsQueue
from telemetry.adapters.storage.local import LocalStorage
from telemetry.adapters.storage.memory import MemoryStorage
from telemetry.adapters.storage.s3 import S3Storage
from telemetry.coordination.outbox import LingeringOutbox
from telemetry.domain.clock import Clock
from telemetry.domain.figures.aggregate import Aggregate
from telemetry.domain.proof.gateway import Gateway
from telemetry.domain.proof.prove import Prove
from telemetry.domain.store.consume import Consume
from telemetry.domain.store.recover import Recover
from telemetry.domain.store.storage import Storage
from telemetry.domain.transport.ingest import Ingest
from telemetry.domain.transport.queue import Outbox, Queue
from telemetry.entrypoints.process.settings import Settings


class Container(containers.DeclarativeContainer):
    """One process's worth of everything; what is not asked for is not made."""

    settings: providers.Provider[Settings] = providers.Dependency(instance_of=Settings)

    clock: providers.Provider[Clock] = providers.Singleton(SystemClock)
    queue: providers.Provider[Queue] = providers.Selector(
        settings.provided.queue_backend,
        sqlite=providers.Singleton(
            SqliteQueue,
            path=settings.provided.queue_file,
            clock=clock,
            terms=settings.provided.terms,
            max_size=settings.provided.queue_max_bytes,
        ),
        sqs=providers.Singleton(
            SqsQueue,
            url=settings.provided.sqs_queue_url,
            terms=settings.provided.terms,
            receivers=settings.provided.sqs_receivers,
            pause=settings.provided.sqs_receive_pause,
            poll=settings.provided.sqs_poll_wait,
        ),
        memory=providers.Singleton(MemoryQueue, clock=clock, terms=settings.provided.terms),
    )
    storage: providers.Provider[Storage] = providers.Selector(
        settings.provided.storage_backend,
        local=providers.Singleton(LocalStorage, root=settings.provided.data_dir),
        s3=providers.Singleton(
            S3Storage, bucket=settings.provided.s3_bucket, prefix=settings.provided.s3_prefix
        ),
        memory=providers.Singleton(MemoryStorage, clock=clock),
    )
    outbox: providers.Provider[Outbox] = providers.Singleton(
        LingeringOutbox,
        queue=queue,
        clock=clock,
        linger=settings.provided.linger,
        max_waiting=settings.provided.ingest_max_waiting,
    )

    ingest: providers.Provider[Ingest] = providers.Factory(
        Ingest, outbox=outbox, policy=settings.provided.policy
    )
    consume: providers.Provider[Consume] = providers.Factory(
        Consume,
        queue=queue,
        storage=storage,
        clock=clock,
        policy=settings.provided.policy,
        limits=settings.provided.batch_limits,
        terms=settings.provided.terms,
        raw_format=settings.provided.raw_format,
    )
    gateway: providers.Provider[Gateway] = providers.Factory(HttpGateway, key=settings.provided.api_key)

    provisioner: providers.Provider[Provisioner] = providers.Factory(Provisioner)

    aggregate: providers.Provider[Aggregate] = providers.Factory(Aggregate, storage=storage)
    prove: providers.Provider[Prove] = providers.Factory(Prove, storage=storage)
    recover: providers.Provider[Recover] = providers.Factory(Recover, queue=queue, storage=storage)
