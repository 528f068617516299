"""Searches everything the project wrote for canary card numbers."""
