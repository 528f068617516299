"""Adapters for PCI partners, one folder each, same shape."""
