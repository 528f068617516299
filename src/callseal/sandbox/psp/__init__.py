"""A payment service provider that moves no money: public test cards in, the result written on each card out."""

from callseal.sandbox.psp.charges import Charges
from callseal.sandbox.psp.http import create_app

__all__ = ["Charges", "create_app"]
