"""`python -m telemetry` is `telemetry`."""

import sys

from telemetry.entrypoints.process.cli import main

if __name__ == "__main__":  # a process of the engine imports this module too
    sys.exit(main())
