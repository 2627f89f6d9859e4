"""Measurements, which no test run starts."""
