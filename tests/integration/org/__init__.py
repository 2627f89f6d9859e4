"""The simulated org, driven over HTTP by an unmodified simple-salesforce."""
