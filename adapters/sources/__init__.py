"""Suppliers of contacts, one module a kind."""
