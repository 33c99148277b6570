"""The bill of materials names what the image installs, and is the same bytes each time."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.package.building import ROOT

pytestmark = pytest.mark.long


def test_the_bill_of_materials_is_the_lock_of_the_image_with_its_hashes_each_time(tmp_path: Path):
    files = [tmp_path / "first.json", tmp_path / "second.json"]
    for file in files:
        subprocess.run(["make", "-C", ROOT, "sbom", f"SBOM={file}"], capture_output=True, check=True)
    assert files[0].read_bytes() == files[1].read_bytes()
    bill = json.loads(files[0].read_bytes())
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "battery-telemetry"
    locked = re.findall(r"^([\w.-]+)==([^ ]+)", (ROOT / "requirements.image.lock").read_text(), re.MULTILINE)
    assert {(each["name"], each["version"]) for each in bill["components"]} == set(locked)
    for each in bill["components"]:
        hashes = [one for reference in each["externalReferences"] for one in reference.get("hashes", [])]
        assert {one["alg"] for one in hashes} == {"SHA-256"}, each["name"]
