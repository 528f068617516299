"""The typed deployment: one TOML file in, one frozen `Deployment` out, or every fault at once.

from callseal.deployment import read
deployment = read(Path("callseal.toml"))
"""

from callseal.deployment.desk import Agent, Desk
from callseal.deployment.edges import Dns, Edge, Region, Router, Tls
from callseal.deployment.faults import DeploymentError, Fault, Severity, Validator
from callseal.deployment.firewall import Firewall
from callseal.deployment.model import Deployment, Headers, Number, Signing, SigningKey
from callseal.deployment.peers import Carrier, Partner, Peer, Platform
from callseal.deployment.reader import Examination, examine, read
from callseal.deployment.secrets import Secret, SecretError
from callseal.deployment.validators import VALIDATORS
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
