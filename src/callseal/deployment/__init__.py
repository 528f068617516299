"""The typed deployment: one TOML file in, one frozen `Deployment` out, or every fault at once.

from callseal.deployment import read
deployment = read(Path("callseal.toml"))
"""

from callseal.deployment.faults import VALIDATORS, DeploymentError, Fault, Severity, Validator
from callseal.deployment.firewall import Firewall
from callseal.deployment.model import (
    Agent,
    Carrier,
    Deployment,
    Desk,
    Dns,
    Edge,
    Headers,
    Number,
    Partner,
    Peer,
    Platform,
    Region,
    Router,
    Signing,
    SigningKey,
    Tls,
)
from callseal.deployment.reader import Examination, examine, read
from callseal.deployment.secrets import Secret, SecretError
from callseal.deployment.values import HostPort, PortRange, SipUri

__all__ = [
    "VALIDATORS",
    "Agent",
    "Carrier",
    "Deployment",
    "DeploymentError",
    "Desk",
    "Dns",
    "Edge",
    "Examination",
    "Fault",
    "Firewall",
    "Headers",
    "HostPort",
    "Number",
    "Partner",
    "Peer",
    "Platform",
    "PortRange",
    "Region",
    "Router",
    "Secret",
    "SecretError",
    "Severity",
    "Signing",
    "SigningKey",
    "SipUri",
    "Tls",
    "Validator",
    "examine",
    "read",
]
