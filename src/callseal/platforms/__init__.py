"""Adapters for contact-centre platforms, one folder each, same shape."""
