"""Local servers that speak the protocols of model endpoints, so that a client of them can be tested without an account."""

from muster.testing.endpoints.account import Account, Logged
from muster.testing.endpoints.faults import Fault
from muster.testing.endpoints.refusal import Refused
from muster.testing.endpoints.served import Container, Deployed, Models, Outcome, Pace, Served, Told
from muster.testing.endpoints.serving import KINDS, serving

__all__ = [
    "KINDS",
    "Account",
    "Container",
    "Deployed",
    "Fault",
    "Logged",
    "Models",
    "Outcome",
    "Pace",
    "Refused",
    "Served",
    "Told",
    "serving",
]
