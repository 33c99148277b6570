"""A process that is told with whom to end does so, also where that one has ended already."""

import os
import signal
import subprocess
import sys

WAIT = "import sys, time; from telemetry.entrypoints.process import children; "


def test_a_process_whose_parent_has_ended_before_it_was_told_ends_at_once():
    script = WAIT + "children.end_with(int(sys.argv[1])); time.sleep(600)"
    done = subprocess.run(
        [sys.executable, "-c", script, "1" if os.getpid() != 1 else "2"], check=False, timeout=60
    )
    assert done.returncode == -signal.SIGTERM


def test_a_process_whose_parent_lives_goes_on():
    script = WAIT + "children.end_with(int(sys.argv[1])); print('on')"
    command = [sys.executable, "-c", script, str(os.getpid())]
    assert subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout == "on\n"
