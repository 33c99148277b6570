"""Commands over SQS and S3, which an emulator plays, with the settings that `provision` prints."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from harness.emulator import ENVIRONMENT, Emulator

_TELEMETRY = (sys.executable, "-m", "telemetry")


def run(*command: str) -> int:
    """Run `telemetry COMMAND` at a fresh emulator, and return its exit status."""
    with tempfile.TemporaryDirectory(prefix="telemetry-aws-") as name:
        emulator = Emulator(Path(name))
        emulator.start()
        try:
            print(f"SQS and S3 are played by an emulator at {emulator.url}")
            environment = os.environ | ENVIRONMENT | {"AWS_ENDPOINT_URL": emulator.url}
            provision = (*_TELEMETRY, "provision", "--apply", "--bucket", "telemetry-demo")
            made = subprocess.run(provision, env=environment, stdout=subprocess.PIPE, check=True, text=True)  # noqa: S603  # this program itself
            settings = made.stdout
            print(settings, flush=True)
            environment |= dict(line.split("=", 1) for line in settings.splitlines())
            return subprocess.run((*_TELEMETRY, *command), env=environment, check=False).returncode  # noqa: S603  # as above
        finally:
            emulator.kill()
