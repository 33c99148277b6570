"""`python -m harness.unprivileged ROLE ...` runs a role to which the modes of files apply, also as root."""

import ctypes
import os
import sys
from typing import Final

_DROP: Final = 24  # PR_CAPBSET_DROP
_OVERRIDE, _READ_SEARCH = 1, 2  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH


def main() -> None:
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in (_OVERRIDE, _READ_SEARCH):
            if libc.prctl(_DROP, capability, 0, 0, 0):
                raise OSError(ctypes.get_errno(), "a capability cannot be dropped")
    os.execv(sys.executable, [sys.executable, "-m", "telemetry", *sys.argv[1:]])


if __name__ == "__main__":
    main()
