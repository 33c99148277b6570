"""The laws of the ports as suites of pytest, for any adapter; the extra `testing` brings pytest."""

import pytest

pytest.register_assert_rewrite("telemetry.testing.queue")  # so that a law that fails shows its values
