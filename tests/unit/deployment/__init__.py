"""The deployment's parts by themselves."""
