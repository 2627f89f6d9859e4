"""Hostile input for whatever takes messages: Hypothesis in the suite, atheris at will (`python -m tests.fuzz`)."""
