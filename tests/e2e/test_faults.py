"""All roles under faults that `telemetry prove --faults` injects: one run of it, and what it refuses."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

KINDS = (
    "kill consumers after a put",
    "bad bodies",
    "vanishing clients",
)


def prove(folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "telemetry", "prove", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )


@pytest.mark.long
def test_roles_recover_from_faults_and_the_proof_holds(tmp_path: Path):
    run = prove(tmp_path, "--faults", "--minutes", "0.001", "--schedule", "5", "--only", ",".join(KINDS))
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{len(KINDS)} faults of {len(KINDS)} kinds" in run.stdout
    for kind in KINDS:
        assert re.search(rf"│ {kind} +│ +1 │ +1 │ ", run.stdout), kind
    assert "figures: exact" in run.stdout
    assert re.search(r"^proof: sent=\d+ accepted=\d+ .* pending=0 lost=0 ", run.stdout.splitlines()[-1])
    assert run.stderr == ""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["--faults", "--only", "kill everything"],
            "--only: 'kill everything': it is one of 10 times overload, ",
        ),
        (["--faults", "--ledger", "run.jsonl"], "argument --ledger: give it, or --faults, and not both"),
        ([], "argument --ledger: give it, or --faults, and not both"),
    ],
)
def test_a_run_that_cannot_be_is_refused_in_one_line(tmp_path: Path, options: list[str], said: str):
    run = prove(tmp_path, *options)
    assert run.returncode in {1, 2}
    assert said in run.stderr
    assert "Traceback" not in run.stderr


def test_faults_are_not_injected_into_aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STORAGE_BACKEND", "s3")
    monkeypatch.setenv("S3_BUCKET", "ours")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    run = prove(tmp_path, "--faults")
    assert run.returncode == 1
    assert run.stderr.startswith("telemetry prove: AWS_ENDPOINT_URL: not set; faults are for an emulator")
