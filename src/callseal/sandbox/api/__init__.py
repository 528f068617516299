"""The partner's REST API (contract, section 5)."""
