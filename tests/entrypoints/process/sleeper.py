"""A process that sleeps, for tests that end it."""

import sys
import time

time.sleep(float(sys.argv[1]))
