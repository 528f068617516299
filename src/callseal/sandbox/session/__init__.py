"""The partner's own business: which call may do what, moving media, the card, the result."""
