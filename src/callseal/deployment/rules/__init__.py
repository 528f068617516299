"""Rules about the deployment as a whole: what no single value shows.

They look at the file as written (`Raw`) and never at the models.
"""

from __future__ import annotations

from callseal.deployment.rules.addresses import ADDRESS_RULES
from callseal.deployment.rules.families import FAMILY_RULES
from callseal.deployment.rules.media import MEDIA_RULES
from callseal.deployment.rules.names import NAME_RULES
from callseal.deployment.rules.nat import NAT_RULES
from callseal.deployment.rules.raw import Rule
from callseal.deployment.rules.transports import TRANSPORT_RULES

RULES: tuple[Rule, ...] = (
    *NAME_RULES,
    *ADDRESS_RULES,
    *NAT_RULES,
    *MEDIA_RULES,
    *TRANSPORT_RULES,
    *FAMILY_RULES,
)
