"""What the header Content-Encoding lists is undone, and what it may not list is named."""

import pytest

from telemetry.domain.contract.compression import TooLargeError, UnknownCodingError, compress, undo
from tests.unit.contract.compressing import LIMIT, gzipped


@pytest.mark.parametrize(
    ("lines", "encode"),
    [
        ([], lambda data: data),
        ([""], lambda data: data),
        (["identity"], lambda data: data),
        (["gzip"], gzipped),
        (["x-gzip"], gzipped),
        (["X-GZip"], gzipped),
        ([" ZSTD "], compress),
        (["gzip, identity"], gzipped),
        (["identity", "gzip"], gzipped),
        ([",gzip,,"], gzipped),
        (["gzip, gzip"], lambda data: gzipped(gzipped(data))),
        (["gzip", "gzip"], lambda data: gzipped(gzipped(data))),
        (["gzip, zstd"], lambda data: compress(gzipped(data))),
        (["zstd", "x-gzip,gzip"], lambda data: gzipped(gzipped(compress(data)))),
    ],
)
def test_codings_are_undone_in_the_reverse_of_the_order_in_which_they_are_listed(lines, encode):
    assert undo(encode(b"hello"), lines, LIMIT) == b"hello"


@pytest.mark.parametrize("unknown", ["br", "deflate", "gzip;q=1", "*", "x-zstd", "b" * 10_000])
@pytest.mark.parametrize("line", ["{}", "gzip, {}", "{}, gzip", "identity,{}"])
def test_an_unknown_coding_is_named_before_anything_is_undone(line, unknown):
    with pytest.raises(UnknownCodingError) as refusal:
        undo(b"not gzip", [line.format(unknown)], LIMIT)
    assert str(refusal.value) == f"Content-Encoding is gzip or zstd, not {unknown[:40]!r}."


def test_at_most_three_codings_are_undone():
    thrice = gzipped(gzipped(gzipped(b"hello")))
    assert undo(thrice, ["gzip, gzip", "identity, gzip"], LIMIT) == b"hello"
    with pytest.raises(UnknownCodingError, match="lists 4 codings, and at most 3"):
        undo(gzipped(thrice), ["gzip, gzip", "gzip, gzip"], LIMIT)


def test_each_step_stays_under_the_limit():
    bomb = gzipped(bytes(200_000_000))
    with pytest.raises(TooLargeError):
        undo(compress(bomb), ["gzip, zstd"], LIMIT)
    with pytest.raises(TooLargeError):
        undo(compress(bomb), ["gzip, zstd"], len(bomb) - 1)


def test_a_body_that_is_not_what_its_codings_say_is_refused():
    for lines in (["gzip"], ["zstd"], ["zstd, gzip"]):
        with pytest.raises(ValueError, match="It is not") as refusal:
            undo(b"hello", lines, LIMIT)
        assert not isinstance(refusal.value, UnknownCodingError | TooLargeError)
