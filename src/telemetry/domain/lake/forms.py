"""All forms that there are: an object is read by the ending of its key."""

from collections.abc import Iterator

from telemetry.domain.contract.moment import Hour
from telemetry.domain.figures.columns import Columns
from telemetry.domain.lake.form import Form
from telemetry.domain.store.objects import DamagedObjectError


class Forms:
    """Several forms, of which the first is the one that is written."""

    def __init__(self, *forms: Form) -> None:
        self.chosen = forms[0]
        self._forms = forms

    def read(self, key: str, data: bytes, hour: Hour, only: int | None = None) -> Iterator[Columns]:
        """Yield the records of an object in parts. Raise DamagedObjectError, also of an unknown form."""
        for form in self._forms:
            if key.endswith(form.ending):
                return form.read(key, data, hour, only)
        raise DamagedObjectError(key, "its form is not known to this version")
