"""When the oldest message of an SQS queue was sent, as CloudWatch knows it.

CloudWatch leaves a message out of that age once it was received three times and not deleted. Such a message
is stored or dead once it was received as often as it may be. So the age has to be known for a span in which
that happens (`within_ms`), and the oldest moment of that span counts: at its beginning the message was not
left out yet, or was not sent yet, or it is gone at its end.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from operator import methodcaller
from typing import Final

from telemetry.adapters.aws import AwsError, Client

_log: Final = logging.getLogger(__name__)

_MINUTE_MS: Final = 60_000
_SPARE_MS: Final = (
    2 * _MINUTE_MS
)  # for ages that are approximate, and for a message that waits to be received
_LAG_MS: Final = 5 * _MINUTE_MS  # that CloudWatch may be late
_PATIENCE_S: Final = 5.0


class Oldest:
    """The age of the oldest message of the queue `name`, whose messages die within `within_ms`."""

    def __init__(self, name: str, within_ms: int) -> None:
        self._name = name
        self._within_ms = within_ms + _SPARE_MS
        self._cloudwatch: Client | None = None
        self._asked_ms = -_MINUTE_MS
        self._known_ms = 0
        self._is_said = False

    async def sent_ms(self, now_ms: int) -> int:
        """Return a moment after which all messages were sent, or 0. CloudWatch is asked once a minute."""
        if now_ms - self._asked_ms >= _MINUTE_MS:
            self._asked_ms = now_ms
            try:
                self._known_ms = max(self._known_ms, bound(await self._ages(now_ms), self._within_ms))
            except AwsError as error:
                self._say(error)
        return self._known_ms

    def close(self) -> None:
        if self._cloudwatch:
            self._cloudwatch.close()

    async def _ages(self, now_ms: int) -> Mapping[int, float]:
        """Return the oldest age of each minute, in seconds, by the minute's beginning."""
        self._cloudwatch = self._cloudwatch or Client("cloudwatch", "SQS_QUEUE_URL", _PATIENCE_S)
        ask = methodcaller(
            "get_metric_statistics",
            Namespace="AWS/SQS",
            MetricName="ApproximateAgeOfOldestMessage",
            Dimensions=[{"Name": "QueueName", "Value": self._name}],
            StartTime=datetime.fromtimestamp((now_ms - 2 * self._within_ms - _LAG_MS) / 1000, UTC),
            EndTime=datetime.fromtimestamp(now_ms / 1000, UTC),
            Period=60,
            Statistics=["Maximum"],
        )
        found = (await self._cloudwatch.call(ask)).get("Datapoints", ())
        return {round(each["Timestamp"].timestamp() * 1000): each["Maximum"] for each in found}

    def _say(self, error: AwsError) -> None:
        if not self._is_said:
            self._is_said = True
            _log.warning(
                "CloudWatch does not tell how old the queue's messages are, so that an hour is complete only"
                " after a minute in which the queue is empty: %s",
                error,
            )


def bound(ages_s: Mapping[int, float], within_ms: int) -> int:
    """Return the moment after which all messages were sent, by the ages of minutes, or 0.

    A minute in which the queue was empty has no age.
    """
    newest_ms = max(ages_s, default=0)
    begin_ms = max((each for each in ages_s if each <= newest_ms - within_ms), default=None)
    if begin_ms is None:
        return 0
    return min(each - round(age_s * 1000) for each, age_s in ages_s.items() if each >= begin_ms)
