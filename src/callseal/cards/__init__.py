"""PAN, security code and expiry as types that refuse repr, pickle and format. Behind the card wall."""

from callseal.cards.brands import Brand, Outlook, outlook, security_code_lengths
from callseal.cards.luhn import luhn_ok
from callseal.cards.values import Card, Expiry, Pan, PostalCode, SecurityCode, masked_number
from callseal.cards.wall import CardData, CardDataRefusedError

__all__ = [
    "Brand",
    "Card",
    "CardData",
    "CardDataRefusedError",
    "Expiry",
    "Outlook",
    "Pan",
    "PostalCode",
    "SecurityCode",
    "luhn_ok",
    "masked_number",
    "outlook",
    "security_code_lengths",
]
