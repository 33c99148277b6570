"""All roles under load and faults, over SQS and S3, which an emulator plays."""

import sys

from benchmarks import emulated

if __name__ == "__main__":
    sys.exit(emulated.run("prove", "--faults", *sys.argv[1:]))
