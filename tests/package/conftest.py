"""One build of both distributions, for all tests of the package."""

from pathlib import Path

import pytest

from tests.package import building
from tests.package.building import Distributions


@pytest.fixture(scope="package")
def built(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    if not (building.ROOT / ".git").exists():
        pytest.skip("this is no checkout")
    folder: Path = building.copy_tracked(tmp_path_factory.mktemp("checkout"))
    return building.distributions(building.build(folder))
