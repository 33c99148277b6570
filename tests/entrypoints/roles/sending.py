"""The container of a role that sends."""

from dependency_injector import providers

from telemetry.adapters.clock import ManualClock
from telemetry.domain.proof.gateway import Gateway
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.kinds import Secret
from telemetry.entrypoints.process.settings import Settings
from tests.builders import NOON


def container_to(gateway: Gateway) -> Container:
    """Make a container at noon that sends to `gateway`."""
    return Container(
        settings=Settings(api_key=Secret("k"), queue_backend="memory", storage_backend="memory"),
        clock=providers.Object(ManualClock(NOON)),
        gateway=providers.Factory(lambda **_: gateway),
    )
