"""Adapters against real servers."""
