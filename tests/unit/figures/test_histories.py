"""Whatever happens on the way, every hour equals one pass over its records, and `complete` is never wrong.

`make test-long` takes 50,000 histories, other runs take 500.
"""

import asyncio
import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telemetry.domain.figures.certificate import Held
from telemetry.domain.figures.filling import FillingTerms
from telemetry.domain.store import objects
from tests.builders import POLICY, identity
from tests.unit.figures import history
from tests.unit.figures.history import History, counted, modelled

HISTORIES = int(os.environ.get("TEST_HISTORIES", "500"))

HOUR_S = 3600
records = st.tuples(
    st.sampled_from(["a", "b"]),
    # Mostly just now; in the last hours, days ago, and at times that no clock is believed.
    st.integers(0, 600_000)
    | st.integers(0, 600_000)
    | st.integers(0, 4 * HOUR_S * 1000)
    | st.sampled_from([5 * 86_400_000, 10**12, -(10**9)]),
    st.integers(0, 2),
    st.integers(0, 5_000),
)
verbs = [
    "consume",
    "consume_all",
    "aggregate",
    "aggregate",
    "restart",
    "evict",
    "kill",
    "kill_again",
    "set_aside",
    "replay",
    "send_garbage",
]
steps = st.one_of(
    st.tuples(st.just("send"), st.lists(records, min_size=1, max_size=4)),
    st.tuples(st.just("again"), st.integers(0, 30)),
    st.tuples(st.just("pass"), st.sampled_from([1, 31, 600, HOUR_S, HOUR_S, 2 * HOUR_S, 26 * HOUR_S])),
    st.tuples(
        st.just("fail"),
        st.sampled_from([(), (), ("delete",), ("receive",), ("outlook",), ("put",), ("list",), ("get",)]),
    ),
    st.tuples(st.sampled_from(verbs), st.none()),
    st.tuples(st.sampled_from(verbs), st.none()),
)
# Figures that are made at every look, and figures that wait until they are worth it.
fillings = st.sampled_from([FillingTerms(), FillingTerms(small=0, worth=10**9)])
# There are figures of the hour from the beginning, so that there is something to certify.
FIRST = [("send", [("a", 0, 0, 0)]), ("consume_all", None), ("aggregate", None)]


@settings(max_examples=HISTORIES, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(steps, min_size=5, max_size=30), fillings)
def test_every_hour_equals_one_pass_over_its_records_and_complete_is_withdrawn_only_by_late_ones(
    taken, filling
):
    made = history.run([*FIRST, *taken], filling)
    asyncio.run(check_the_end(made))


async def check_the_end(made: History) -> None:
    stored = await made.stored()
    assert {repr(each.record) for each in made.accepted} == {
        repr(each) for members in stored.values() for each in members
    }
    everything = [each for members in stored.values() for each in members]
    believed = {identity(each) for each in everything if POLICY.place(each).tree == "raw"}
    for hour, members in stored.items():
        found = await made.figures(hour)
        assert found is not None
        assert counted(found) == modelled(members, believed)
        assert found.certificate is not None
        is_complete = found.certificate.state == "complete"
        assert bool(await made.storage.list(objects.complete_key(hour))) == is_complete
        if not is_complete:  # garbage that cannot be replayed may be of it
            assert found.certificate.held == Held(unplaced=found.certificate.held.unplaced)
            assert await made.storage.list("quarantine/")
