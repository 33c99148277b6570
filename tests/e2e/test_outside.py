"""The pipeline over a queue that is no part of the package: the one on Redis Streams of the tutorial."""

from pathlib import Path

from harness.pipeline import Pipeline, proof
from harness.roles import wait_until
from redis_server import running

EXAMPLE = Path(__file__).parents[2] / "examples" / "redis_queue"


def test_a_consumer_and_a_redis_killed_in_the_middle_lose_nothing(tmp_path: Path):
    with running() as redis:
        pipeline = Pipeline(
            tmp_path,
            QUEUE_BACKEND="redis_queue:RedisQueue",
            QUEUE_URL=redis.url,
            PYTHONPATH=str(EXAMPLE),
        )
        try:
            pipeline.start("receiver")
            pipeline.start("consumer")
            load = pipeline.begin(
                *("load-test", "--messages", "1500", "--rate", "500", "--settle", "60"),
                *("--url", pipeline.url),
            )
            wait_until(lambda: pipeline.stored() > 0, "records to be stored")
            pipeline.kill("consumer")
            redis.kill()
            wait_until(lambda: "answered 503" in pipeline.log("receiver"), "the receiver to notice")
            redis.start()
            pipeline.start("consumer")
            output, complaints = load.communicate(timeout=180)
            assert load.returncode == 0, complaints + output + pipeline.log("receiver")
        finally:
            pipeline.stop_all()
    proved = proof(output)
    assert proved["sent"] == proved["accepted"] == proved["unique"] == 1500
    assert (proved["pending"], proved["lost"]) == (0, 0)
