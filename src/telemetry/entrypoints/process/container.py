"""The wiring: settings, then adapters, then use-cases, top to bottom."""

from dependency_injector import containers, providers

from telemetry.adapters.cache.local import LocalCache
from telemetry.adapters.cache.memory import MemoryCache
from telemetry.adapters.clock import SystemClock
from telemetry.adapters.http.client import HttpGateway
from telemetry.adapters.provision import Provisioner
from telemetry.adapters.queue.memory import MemoryQueue
from telemetry.adapters.queue.sqlite import SqliteQueue
from telemetry.adapters.queue.sqs import SqsQueue
from telemetry.adapters.storage.local import LocalStorage
from telemetry.adapters.storage.memory import MemoryStorage
from telemetry.adapters.storage.s3 import S3Storage
from telemetry.coordination.engine import ClosingEngine, LoopEngine, ProcessEngine, ThreadEngine
from telemetry.coordination.outbox import LingeringOutbox
from telemetry.coordination.together import Concurrently
from telemetry.domain.can.broadcast import Broadcast
from telemetry.domain.can.replay import LogReplay
from telemetry.domain.clock import Clock
from telemetry.domain.figures.aggregate import Aggregator
from telemetry.domain.figures.build import Builder
from telemetry.domain.figures.cache import Cache
from telemetry.domain.figures.certify import Certifier
from telemetry.domain.figures.evidence import Inquiry
from telemetry.domain.figures.fold import Fold
from telemetry.domain.figures.moved import Moves
from telemetry.domain.figures.report import Hours
from telemetry.domain.figures.watch import Watch
from telemetry.domain.lake.compact import Compactor
from telemetry.domain.lake.form import Form
from telemetry.domain.lake.forms import Forms
from telemetry.domain.lake.lines import LinesForm
from telemetry.domain.lake.moves import ManifestMoves
from telemetry.domain.lake.shelf import Shelf
from telemetry.domain.lake.tidy import Tidier
from telemetry.domain.proof.gateway import Gateway
from telemetry.domain.proof.prove import Prover
from telemetry.domain.proof.send import Sender
from telemetry.domain.query.catalogue import Catalogue
from telemetry.domain.store.consume import Consumer
from telemetry.domain.store.recover import Recovery
from telemetry.domain.store.refile import SkewedTree
from telemetry.domain.store.storage import Storage
from telemetry.domain.together import Together
from telemetry.domain.transport.ingest import Ingest
from telemetry.domain.transport.queue import Outbox, Queue
from telemetry.domain.vehicle.mishap import Mishaps
from telemetry.domain.vehicle.simulate import Simulation
from telemetry.entrypoints.process import children, clusters, outside
from telemetry.entrypoints.process.forms import LateParquet
from telemetry.entrypoints.process.late import LateLookout, LateStorage
from telemetry.entrypoints.process.settings import Settings


class Container(containers.DeclarativeContainer):
    """One process's worth of everything; what is not asked for is not made."""

    settings: providers.Provider[Settings] = providers.Dependency(instance_of=Settings)

    clock: providers.Provider[Clock] = providers.Singleton(SystemClock)
    queue: providers.Provider[Queue] = providers.Selector(
        settings.provided.queue_kind,
        sqlite=providers.Singleton(
            SqliteQueue,
            path=settings.provided.queue_file,
            clock=clock,
            terms=settings.provided.lease_terms,
            max_size=settings.provided.queue_max_bytes,
            reserve=settings.provided.queue_reserve_bytes,
            file_mode=settings.provided.modes.file,
            folder_mode=settings.provided.modes.folder,
        ),
        sqs=providers.Singleton(
            SqsQueue,
            url=settings.provided.sqs_queue_url,
            terms=settings.provided.lease_terms,
            receivers=settings.provided.sqs_receivers,
            pause_s=settings.provided.sqs_receive_pause,
            poll_s=settings.provided.sqs_poll_wait,
        ),
        memory=providers.Singleton(MemoryQueue, clock=clock, terms=settings.provided.lease_terms),
        outside=providers.Singleton(
            outside.queue,
            backend=settings.provided.queue_backend,
            url=settings.provided.queue_url,
            clock=clock,
            terms=settings.provided.lease_terms,
        ),
    )
    storage: providers.Provider[Storage] = providers.Selector(
        settings.provided.storage_backend,
        local=providers.Singleton(
            LocalStorage,
            root=settings.provided.data_dir,
            file_mode=settings.provided.modes.file,
            folder_mode=settings.provided.modes.folder,
        ),
        s3=providers.Singleton(
            S3Storage, bucket=settings.provided.s3_bucket, prefix=settings.provided.s3_prefix
        ),
        memory=providers.Singleton(MemoryStorage, clock=clock),
    )
    outbox: providers.Provider[Outbox] = providers.Singleton(
        LingeringOutbox,
        queue=queue,
        clock=clock,
        linger_s=settings.provided.linger_s,
        max_waiting=settings.provided.ingest_max_waiting,
    )
    local_cache: providers.Provider[Cache] = providers.Singleton(
        LocalCache,
        root=settings.provided.cache_dir,
        most=settings.provided.aggregate_cache_bytes,
        file_mode=settings.provided.modes.file,
        folder_mode=settings.provided.modes.folder,
    )
    cache: providers.Provider[Cache] = providers.Selector(
        settings.provided.storage_backend,
        local=local_cache,
        s3=local_cache,
        memory=providers.Singleton(MemoryCache),
    )
    together: providers.Provider[Together] = providers.Singleton(Concurrently)
    local_engine: providers.Provider[ClosingEngine] = providers.Selector(
        settings.provided.workers,
        here=providers.Singleton(LoopEngine),
        thread=providers.Singleton(ThreadEngine),
        processes=providers.Singleton(
            ProcessEngine,
            processes=settings.provided.aggregate_processes,
            begin=providers.Object(children.begin),
        ),
    )
    engine: providers.Provider[ClosingEngine] = providers.Selector(
        settings.provided.engine,
        local=local_engine,
        dask=providers.Singleton(clusters.dask, address=settings.provided.dask_scheduler),
    )
    gateway: providers.Provider[Gateway] = providers.Factory(HttpGateway, key=settings.provided.api_key)
    provisioner: providers.Provider[Provisioner] = providers.Factory(Provisioner)

    ingest: providers.Provider[Ingest] = providers.Factory(
        Ingest, outbox=outbox, policy=settings.provided.partition_policy
    )
    consumer: providers.Provider[Consumer] = providers.Factory(
        Consumer,
        queue=queue,
        storage=storage,
        clock=clock,
        policy=settings.provided.partition_policy,
        limits=settings.provided.batch_limits,
        terms=settings.provided.lease_terms,
        raw_format=settings.provided.raw_format,
    )
    recovery: providers.Provider[Recovery] = providers.Factory(Recovery, queue=queue, storage=storage)
    skewed: providers.Provider[SkewedTree] = providers.Factory(
        SkewedTree,
        storage=storage,
        policy=settings.provided.partition_policy,
        raw_format=settings.provided.raw_format,
    )
    lookout: providers.Provider[LateLookout] = providers.Singleton(
        LateLookout,
        make=queue.provider,
        file=settings.provided.embedded_queue,
        is_private=settings.provided.is_queue_private,
    )
    inquiry: providers.Provider[Inquiry] = providers.Factory(Inquiry, storage=storage, queue=lookout)
    certifier: providers.Provider[Certifier] = providers.Factory(
        Certifier, storage=storage, clock=clock, inquiry=inquiry, terms=settings.provided.certificate_terms
    )
    parquet: providers.Provider[Form] = providers.Singleton(LateParquet)
    lines_form: providers.Provider[Form] = providers.Singleton(LinesForm)
    forms: providers.Provider[Forms] = providers.Selector(
        settings.provided.compact_format,
        **{
            "parquet": providers.Singleton(Forms, parquet, lines_form),
            "jsonl.zst": providers.Singleton(Forms, lines_form, parquet),
        },
    )
    shelf: providers.Provider[Shelf] = providers.Factory(Shelf, storage=storage, forms=forms)
    moves: providers.Provider[Moves] = providers.Factory(ManifestMoves, shelf=shelf)
    fold: providers.Provider[Fold] = providers.Factory(
        Fold,
        storage=storage,
        cache=cache,
        together=together,
        limits=settings.provided.fold_limits,
        moves=moves,
    )
    builder: providers.Provider[Builder] = providers.Factory(
        Builder, fold=fold, together=together, engine=engine
    )
    compactor: providers.Provider[Compactor] = providers.Factory(
        Compactor,
        shelf=shelf,
        clock=clock,
        together=together,
        terms=settings.provided.compact_terms,
        engine=engine,
    )
    tidier: providers.Provider[Tidier] = providers.Factory(
        Tidier, shelf=shelf, clock=clock, retention=settings.provided.retention
    )
    aggregator: providers.Provider[Aggregator] = providers.Factory(
        Aggregator, storage=storage, together=together, certifier=certifier, builder=builder
    )
    archive_reader: providers.Provider[LateStorage] = providers.Singleton(LateStorage, make=storage.provider)
    hours: providers.Provider[Hours] = providers.Factory(Hours, storage=archive_reader)
    catalogue: providers.Provider[Catalogue] = providers.Factory(
        Catalogue, storage=storage, together=together
    )
    watch: providers.Provider[Watch] = providers.Factory(
        Watch, storage=storage, together=together, terms=settings.provided.filling_terms
    )
    prover: providers.Provider[Prover] = providers.Factory(
        Prover, storage=storage, queue=queue, policy=settings.provided.partition_policy
    )
    sender: providers.Provider[Sender] = providers.Factory(Sender)
    simulation: providers.Provider[Simulation] = providers.Factory(Simulation)
    mishaps: providers.Provider[Mishaps] = providers.Factory(Mishaps)
    broadcast: providers.Provider[Broadcast] = providers.Factory(Broadcast)
    log_replay: providers.Provider[LogReplay] = providers.Factory(LogReplay)
