"""What the pipeline needs of AWS, and made where it is not there yet.

`deploy/cloudformation.yaml` says the same in another language; a test holds the two together.
"""

from telemetry.adapters.provision.plan import Plan
from telemetry.adapters.provision.provisioner import Provisioner

__all__ = ["Plan", "Provisioner"]
