"""`make record`: run the session, and write it as `docs/demo.cast` and `docs/demo.svg`.

It needs port 8000, bash and curl. Steps, captions and times are those of the script. What the commands print
is what they print: names of a run, moments and latencies differ from one recording to the next.
"""

import socket
import sys
import tempfile
from pathlib import Path
from typing import Final

from harness.recording import cast, picture
from harness.recording.scenes import scenes
from harness.recording.script import LONGEST_S, STEPS
from harness.recording.session import Shell

TITLE: Final = "battery-telemetry: from the vehicle's retry to the figure, with a count"
PORT: Final = 8000
DOCS: Final = Path(__file__).parents[2] / "docs"


def main() -> int:
    with socket.socket() as listening:
        if listening.connect_ex(("127.0.0.1", PORT)) == 0:
            sys.stderr.write(f"port {PORT} is taken: stop what listens there\n")
            return 1
    with tempfile.TemporaryDirectory() as folder, Shell(Path(folder)) as shell:
        played = []
        for step in STEPS:
            sys.stdout.write(f"# {step.caption}\n")
            sys.stdout.flush()
            played.append((step, shell.run(step)))
    watched = scenes(played)
    if watched[-1].ends_s > LONGEST_S:
        sys.stderr.write(f"the session takes {watched[-1].ends_s:.0f} s: shorten the script\n")
        return 1
    (DOCS / "demo.cast").write_text(cast.write(watched, TITLE))
    (DOCS / "demo.svg").write_text(picture.draw(watched, TITLE))
    sys.stdout.write(f"wrote docs/demo.cast and docs/demo.svg, {watched[-1].ends_s:.0f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
