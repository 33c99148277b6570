"""`python -m telemetry` is `telemetry`."""

import sys

from telemetry.entrypoints.cli import main

sys.exit(main())
