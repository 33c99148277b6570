"""A backup that is made under load, as docs/deployment.md says, has all that was accepted before it began."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from harness.pipeline import Pipeline, proof
from harness.roles import Roles, wait_until
from tests.documents import ROOT, blocks

BACKUP, RESTORE = (
    block for block in blocks(ROOT / "docs" / "deployment.md") if "backup" in block.text and not block.mark
)
FLEET: Final = ("simulator", "--vehicles", "50", "--duration", "2")


def follow(pipeline: Pipeline, commands: str) -> None:
    """Run commands of the page as they stand there."""
    text = commands.replace("$ ", "").replace(".venv/bin/", f"{Path(sys.executable).parent}/")
    lines = [line for line in text.splitlines() if not line.endswith("is whole")]
    done = subprocess.run(
        ["bash", "-ec", "\n".join(lines)],
        check=False,
        cwd=pipeline.logs,
        env=pipeline.environment,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.skipif(not shutil.which("rsync"), reason="rsync is not installed")
def test_what_was_accepted_before_a_backup_is_in_what_is_restored_from_it(tmp_path: Path):
    pipeline = Pipeline(tmp_path)
    pipeline.start("receiver")
    pipeline.start("consumer")
    before = pipeline.begin(*FLEET, "--url", pipeline.url, "--ledger", "before.jsonl")
    wait_until(lambda: pipeline.stored() > 0, "the first batch to be stored")
    pipeline.kill("consumer")  # so that what is accepted from now on waits in the queue
    before.communicate()
    assert before.returncode == 0
    stored = pipeline.stored()
    meanwhile = pipeline.begin(*FLEET, "--url", pipeline.url, "--seed", "2")
    pipeline.start("consumer")
    wait_until(lambda: pipeline.stored() > stored, "a consumer to carry on")
    follow(pipeline, BACKUP.text)
    meanwhile.communicate()
    pipeline.stop_all()
    shutil.rmtree(pipeline.data)
    follow(pipeline, RESTORE.text)
    assert restored(pipeline, tmp_path / "restored") == {
        "sent": 500,
        "accepted": 500,
        "lost": 0,
        "pending": 0,
    }


def restored(pipeline: Pipeline, data: Path) -> Mapping[str, float]:
    """Let a consumer carry on from a backup, and count what it has of what was sent before."""
    roles = Roles(pipeline.logs, {**pipeline.environment, "DATA_DIR": str(data)}, folder=pipeline.logs)
    roles.start("consumer")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "telemetry", "prove", "--ledger", "before.jsonl", "--settle", "30"],
            cwd=pipeline.logs,
            env={**os.environ, **roles.environment},
            capture_output=True,
            check=True,
            text=True,
        )
    finally:
        roles.stop_all()
    counted = proof(done.stdout)
    return {name: counted[name] for name in ("sent", "accepted", "lost", "pending")}
