"""Workers share what is left of a key's rate, and none of their changes is lost."""

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from telemetry.adapters.keys import shared
from telemetry.adapters.keys.shared import SharedDues

COUNT = """
import sys
from hashlib import sha256
from pathlib import Path
from telemetry.adapters.keys.shared import SharedDues
due = SharedDues(Path(sys.argv[1])).of(sha256(b"a").digest())
for _ in range(2000):
    due.change(lambda value: value + 1)
"""


def test_a_key_has_one_due_in_all_processes_and_another_key_has_another(tmp_path: Path):
    one, other = (SharedDues(tmp_path / "rates") for _ in range(2))
    a, b = sha256(b"a").digest(), sha256(b"b").digest()
    one.of(a).change(lambda value: value + 5)
    assert (other.of(a).read(), other.of(b).read()) == (5, 0)


def test_changes_of_several_processes_are_all_made(tmp_path: Path):
    file = tmp_path / "rates"
    counting = [subprocess.Popen([sys.executable, "-c", COUNT, str(file)]) for _ in range(4)]
    assert [each.wait() for each in counting] == [0] * 4
    assert SharedDues(file).of(sha256(b"a").digest()).read() == 8000


def test_keys_whose_slots_collide_have_dues_of_their_own_until_the_table_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(shared, "_SLOTS", 4)
    table = SharedDues(tmp_path / "rates")
    identities = [bytes(8) + bytes([n]) * 24 for n in range(1, 5)]
    for number, each in enumerate(identities):
        table.of(each).change(lambda _, number=number: number)  # type: ignore[misc]
    assert [table.of(each).read() for each in identities] == [0, 1, 2, 3]
    with pytest.raises(OSError, match="more than 4 keys"):
        table.of(bytes(8) + b"\xff" * 24)
