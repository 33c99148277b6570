"""An answer stays short, and a client finds its records in it all the same."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.contract.answer import LEFT_OUT, bounded
from telemetry.domain.contract.parse import MAX_RECORDS
from telemetry.domain.contract.record import Answer, Rejection

MEGABYTE = 1_000_000


def size(answer: Answer) -> int:
    return len(msgspec.json.encode(answer))


def rejections(count: int, reason: str) -> list[Rejection]:
    return [Rejection(2 * place, reason) for place in range(count)]


@pytest.mark.parametrize(
    "answer", [Answer(7, []), Answer(0, rejections(3, "no")), Answer(1, rejections(600, "é" * 240))]
)
def test_an_answer_that_is_short_stays_as_it_is(answer):
    assert bounded(answer, MEGABYTE) is answer


def test_an_answer_that_just_fits_stays_whole_though_it_might_have_been_too_long():
    answer = Answer(0, rejections(3500, "x" * 240))
    assert size(answer) > MEGABYTE * 0.9
    assert bounded(answer, MEGABYTE) == answer


@pytest.mark.parametrize("reason", ["x" * 240, "\x00" * 240, "\N{BATTERY}" * 240, '"' * 240])
def test_as_many_records_as_a_body_may_hold_keep_their_indices_in_an_answer_of_a_megabyte(reason):
    answer = Answer(5, rejections(MAX_RECORDS, reason))
    short = bounded(answer, MEGABYTE)
    assert MEGABYTE * 0.99 < size(short) <= MEGABYTE
    assert short.accepted == 5
    assert [each.index for each in short.rejected] == [each.index for each in answer.rejected]
    given_in_full = [each.error for each in short.rejected].index(LEFT_OUT)
    assert given_in_full > 300
    assert {each.error for each in short.rejected[:given_in_full]} == {reason}
    assert {each.error for each in short.rejected[given_in_full:]} == {LEFT_OUT}


def test_where_not_all_indices_fit_the_last_entry_says_how_many_more_there_are():
    answer = Answer(5, rejections(100_000, "x" * 240))
    short = bounded(answer, MEGABYTE)
    assert MEGABYTE * 0.99 < size(short) <= MEGABYTE
    *listed, last = short.rejected
    assert listed == [Rejection(each.index, LEFT_OUT) for each in answer.rejected[: len(listed)]]
    assert last.index == answer.rejected[len(listed)].index
    rest = 100_000 - len(listed)
    assert last.error == f"this one and {rest - 1} more were rejected and are not listed"


@given(
    st.integers(0, 2**63),
    st.lists(
        st.builds(Rejection, st.integers(0, 2**63), st.text(min_size=len(LEFT_OUT), max_size=60)), max_size=60
    ),
    st.integers(256, 4000),
)
def test_no_answer_exceeds_its_limit_and_none_is_shortened_without_need(accepted, rejected, limit):
    answer = Answer(accepted, rejected)
    short = bounded(answer, limit)
    assert size(short) <= limit
    assert short.accepted == accepted
    indices = [each.index for each in rejected]
    assert [each.index for each in short.rejected] == indices[: len(short.rejected)]
    if size(answer) <= limit - 256:
        assert short == answer
