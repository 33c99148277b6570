"""Prints the receiver's OpenAPI specification; `make spec` keeps it in `docs/api-spec.yaml`."""

import sys
from typing import Final

import msgspec

from telemetry.entrypoints.process import log
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.kinds import Secret
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.roles import receiver

_NOTE: Final = "# Made by `make spec`; a test holds it to the receiver.\n"


def render() -> str:
    """Spell the specification as YAML."""
    configured = Settings(api_key=Secret("any"), queue_backend="memory", storage_backend="memory")
    logger = log.configure(configured, "Spec")
    app = receiver.assemble(Container(settings=configured), receiver.grants(configured), logger)
    return _NOTE + msgspec.yaml.encode(app.openapi_schema.to_schema()).decode()


if __name__ == "__main__":
    sys.stdout.write(render())
