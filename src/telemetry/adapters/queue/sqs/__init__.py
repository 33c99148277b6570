"""The queue on Amazon SQS."""

from telemetry.adapters.queue.sqs.queue import SqsQueue

__all__ = ["SqsQueue"]
