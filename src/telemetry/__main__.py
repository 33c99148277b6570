"""`python -m telemetry` is `telemetry`."""

import sys

from telemetry.entrypoints.process.cli import main

sys.exit(main())
