"""The queues and the bucket that the pipeline needs on AWS, which are made where they do not exist yet.

`deploy/cloudformation.yaml` describes the same; a test compares the two.
"""

from telemetry.adapters.provision.plan import Plan
from telemetry.adapters.provision.provisioner import Change, Provisioner

__all__ = ["Change", "Plan", "Provisioner"]
