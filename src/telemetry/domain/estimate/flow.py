"""How many requests a second the pipeline makes: a model of outbox, polls, batcher and aggregator.

The rules that it follows, for the parts as they are:

- **Outbox** (`coordination.outbox`). The first POST of a batch waits for the linger, or for as long as the
  batch before is being sent. All that has come by then is sent together: a message a partition, ten messages
  and 1 MiB a request.
- **Polls** (`adapters.queue.sqs.polls`). A poll that finds messages brings what has arrived since the last
  one, ten at the most. One that finds none is answered after `poll_s`.
- **Batcher** (`transport.batch`, `store.consume`). A flush takes all that was received once that is
  `batch_size` records or `batch_timeout_s` old: an object a partition, and a request to delete ten messages.
- **Aggregator** (`figures`). A look lists a few hours, a thousand objects a page, and reads each object once.
  Large figures are not made at each look (`figures.filling`).
- **Depth**. Each check of a receiver asks two queues for their depth, and so does each look.

Where a part takes whatever has arrived, the model takes the mean. `tests/unit/estimate/test_flow.py` holds it
to what the parts themselves ask of an SQS and an S3 that count.
"""

import math
from collections.abc import Mapping
from typing import Final

import msgspec

from telemetry.domain.estimate.load import FIGURES, LINE, Load, Terms, message_size

BATCH: Final = 10
"""Messages that share a request to SQS at the most."""

_CHUNK: Final = 64 * 1024  # bytes of payload that SQS bills as one request
_MAX_REQUEST: Final = 1024 * 1024  # bytes
_ROW: Final = 16  # bytes of a record's two times in an envelope, before compression
# Measured by tests/entrypoints/roles/counting.py: of polls that follow one another one half brings nothing,
# and the other 4 to 5 messages. Each further consumer makes a quarter more of them.
_POLLS_A_MESSAGE: Final = 0.47
_CONTENTION: Final = 0.25
_ENDLESS: Final = 2  # from twice as many polls on as the pauses would leave, there are hardly any pauses
_LAST_DELETE: Final = 0.4  # requests beyond tens of messages, on average
_QUEUES_A_CHECK: Final = 2
_PAGE: Final = 1000  # keys of an answer to a listing
_STEPS: Final = 8  # round trips to S3 of a look that finds something new
_BESIDE: Final = 3  # listings: of the notes, and twice of the quarantine
_OTHER_TREES: Final = 2  # beside that of the records, of each hour
_PUTS_A_BUILD: Final = 2  # the figures, and what they were built from


class Flow(msgspec.Struct, frozen=True):
    """Requests a second, and how many records share a message and an object.

    Requests to SQS are counted as they are billed. `lists` are priced like puts. Not among them is what a
    quiet hour, a dead letter or a retry takes.
    """

    per_message: float
    per_object: float
    sends: float
    receives: float
    deletes: float
    checks: float
    puts: float
    figure_puts: float
    gets: float
    lists: float

    @property
    def requests(self) -> float:
        """All requests to SQS."""
        return self.sends + self.receives + self.deletes + self.checks


class Messages(msgspec.Struct, frozen=True):
    """Messages a second, the batches and the billed requests that send them, and the records of each."""

    rate: float
    batches: float
    sends: float
    records: float


def modelled(load: Load, terms: Terms) -> Flow:
    """Return what the pipeline makes of a load."""
    return _beyond(load, terms, _sent(load, terms), None)


def measured(load: Load, terms: Terms, per_message: float, per_object: float) -> Flow:
    """Return the flow in which messages and objects hold what was measured."""
    rate = load.rate / per_message
    sends = rate / BATCH * _billed(BATCH * message_size(per_message))
    return _beyond(load, terms, Messages(rate, rate, sends, per_message), per_object)


def plain(load: Load, terms: Terms) -> Flow:
    """Return the flow of the plain design: a message a record, ten a request, an object a batch."""
    requests = load.rate / BATCH
    per_object = float(terms.batch_size)
    return Flow(
        per_message=1,
        per_object=per_object,
        sends=requests,
        receives=requests,
        deletes=requests,
        checks=_checks(load, terms),
        puts=load.rate / per_object,
        **_aggregated(load, load.rate / per_object, terms),
    )


def _sent(load: Load, terms: Terms) -> Messages:
    """Model the outboxes: how often each sends, and how much has come by then."""
    records_s = load.rate / load.receivers
    gap_s = load.per_post / records_s
    full_s = terms.max_content / (LINE + _ROW) / records_s
    between_s = max(gap_s, terms.sqs_s, min(gap_s + terms.linger_s, full_s))
    records = records_s * between_s
    partitions = _hit(terms.buckets, min(records, load.vehicles))
    messages = partitions * math.ceil(records / partitions * (LINE + _ROW) / terms.max_content)
    payload = messages * message_size(records / messages)
    requests = max(math.ceil(messages / BATCH), math.ceil(payload / _MAX_REQUEST))
    sends = requests * _billed(payload / requests)
    batches_s = load.receivers / between_s
    return Messages(batches_s * messages, batches_s, batches_s * sends, records / messages)


def _hit(buckets: int, vehicles: float) -> float:
    """Return how many of the buckets so many vehicles fall into, on average."""
    return buckets * (1 - (1 - 1 / buckets) ** vehicles) if buckets > 1 else 1.0


def _billed(payload: float) -> float:
    """Return as how many requests one is billed whose payload has so many bytes on average."""
    return max(1.0, payload / _CHUNK + 0.5)


def _beyond(load: Load, terms: Terms, messages: Messages, per_object: float | None) -> Flow:
    """Model what follows the queue: polls, flushes, objects, figures."""
    arriving_s = messages.rate / load.consumers
    polls = _polled(load, messages, terms)
    flushed = _flushed(terms, messages.records, polls, arriving_s)
    flushes_s = arriving_s / flushed
    partitions = _hit(terms.buckets, min(flushed * messages.records, load.vehicles))
    puts = load.rate / per_object if per_object else flushes_s * partitions * load.consumers
    return Flow(
        per_message=messages.records,
        per_object=load.rate / puts,
        sends=messages.sends,
        receives=polls.billed * load.consumers,
        deletes=flushes_s * max(1.0, flushed / BATCH + _LAST_DELETE) * load.consumers,
        checks=_checks(load, terms),
        puts=puts,
        **_aggregated(load, puts, terms),
    )


class Polls(msgspec.Struct, frozen=True):
    """Polls of one consumer a second, as they are billed, and how many messages come in a group."""

    billed: float
    together: float


def _polled(load: Load, messages: Messages, terms: Terms) -> Polls:
    """Model the polls of one consumer: in cycles with a pause, or without end."""
    arriving_s = messages.rate / load.consumers
    late = 1 - math.exp(-messages.batches * terms.sqs_s)  # the chance that some come between two polls
    busy_s = terms.pause_s + (2 + late) * terms.sqs_s
    waits = math.exp(-arriving_s * busy_s)  # the chance that there is no message yet
    cycle_s = busy_s + waits / arriving_s
    in_vain = math.exp(-arriving_s * terms.poll_s)  # the chance that a poll waits and brings nothing
    cycled_s = (2 + 2 * late + waits * in_vain / (1 - in_vain)) / cycle_s
    endless_s = _endless(load, messages, terms)
    polls_s = max(cycled_s, endless_s, arriving_s / BATCH)
    together = arriving_s * cycle_s
    if polls_s > _ENDLESS * cycled_s:
        together = 2 * arriving_s / polls_s
    elif messages.records >= terms.batch_size:
        together /= 1 + late  # what comes late is a batch of its own
    chunks_s = arriving_s * message_size(messages.records) / _CHUNK
    return Polls(polls_s + max(0.0, chunks_s - polls_s / 4), together)


def _endless(load: Load, messages: Messages, terms: Terms) -> float:
    """Return how many polls a consumer makes a second if one follows the other."""
    contended = 1 + (load.consumers - 1) * _CONTENTION
    together = (messages.rate + messages.batches) / 2 / load.consumers
    return min(terms.receivers / terms.sqs_s, together * _POLLS_A_MESSAGE * contended)


def _flushed(terms: Terms, records: float, polls: Polls, arriving_s: float) -> float:
    """Return how many messages a flush takes, while the one before it is written."""
    # The group that completes a batch brings, on average, half of itself beyond that.
    by_count = max(polls.together, terms.batch_size / records + polls.together / 2)
    by_age = 1 + arriving_s * terms.batch_timeout_s
    by_size = max(1.0, terms.max_object / (LINE * records))
    return min(max(by_count, arriving_s * (terms.s3_s + terms.sqs_s)), by_age, by_size)


def _checks(load: Load, terms: Terms) -> float:
    """Return how often the depth of a queue is asked for: by who checks receivers, and by the aggregator."""
    return _QUEUES_A_CHECK * (load.receivers / terms.check_s + 1 / terms.look_s)


def _aggregated(load: Load, puts_s: float, terms: Terms) -> Mapping[str, float]:
    """Model the aggregator: a look lists some hours, and reads what is new in them."""
    looks_s = 1 / (terms.look_s + _STEPS * terms.s3_s)
    changed_s = min(looks_s, puts_s, _worth(load, terms))
    pages = sum(max(1, math.ceil(puts_s * each / _PAGE)) for each in terms.listed_s)
    return {
        "figure_puts": changed_s * _PUTS_A_BUILD,
        "gets": puts_s,  # each object once; what is beside the figures is remembered
        "lists": looks_s * (_BESIDE + pages + _OTHER_TREES * len(terms.listed_s)),
    }


def _worth(load: Load, terms: Terms) -> float:
    """Return how often new figures are worth it, while records come without a pause."""
    figures = load.vehicles * FIGURES
    if figures <= terms.small or not terms.waits_s:
        return math.inf
    return max(1 / terms.waits_s, load.rate * LINE / min(terms.worth * figures, terms.most))
