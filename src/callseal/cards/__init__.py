"""PAN, security code and expiry as types that refuse repr, pickle and format. Behind the card wall."""
