"""What is typed in the session, each step with a caption, and how fast it is shown."""

from typing import Final

import msgspec

COLUMNS: Final = 132
ROWS: Final = 30

CAPTION_S: Final = 1.0
"""How long a caption stands before its command is typed."""
KEY_S: Final = 0.03
"""How long a key takes."""
LINE_S: Final = 0.05
"""How long after the line before it a line of an answer is shown, whenever it came."""
LONGEST_S: Final = 300.0
"""How long the whole session may be."""


class Step(msgspec.Struct, frozen=True):
    """One command: what it is for, its text as bash takes it, and how long its answer stands."""

    caption: str
    command: str
    pause_s: float = 4.0


STEPS: Final = (
    Step("One command runs all roles on this machine, and counts what they stored.", "telemetry demo", 6),
    Step(
        "Keep them running: what ends is started again.",
        "export API_KEY=choose-one AGGREGATE_LATENESS=1\n"
        "telemetry up > up.log 2>&1 &\n"
        "until curl -sf http://127.0.0.1:8000/health/ready; do sleep 0.2; done",
    ),
    Step(
        "A fleet drives. Some vehicles leave coverage, some clients send twice. A ledger notes each record.",
        "telemetry simulator --vehicles 50 --duration 5 --offline --duplicates --reorder --ledger run.jsonl",
    ),
    Step(
        "Is all of it stored? The count is of what is on disk: copies are there, and nothing is lost.",
        "telemetry prove --ledger run.jsonl",
        6,
    ),
    Step("Six numbers say how it is. One that is wrong names the command that helps.", "telemetry status", 5),
    Step(
        "A CAN log is decoded, and posted as if it were of the hour before this one.",
        "telemetry simulator --vehicles 1 --duration 60 --output can.log\n"
        "HOUR=$(date -u -d '1 hour ago' +%Y-%m-%dT%H)\n"
        "telemetry replay can.log --vehicle-id veh-00001 --start $HOUR:10:00Z",
    ),
    Step("A job waits until nothing of that hour can still be under way.", "telemetry hours --wait $HOUR", 5),
    Step("Every hour has a certificate.", "telemetry hours", 6),
    Step(
        "And a question in SQL sees each record once.",
        'telemetry query --format table "SELECT hour, count(*) AS records, min(battery_soc) AS lowest_soc '
        'FROM records GROUP BY ALL ORDER BY hour"',
        8,
    ),
)
