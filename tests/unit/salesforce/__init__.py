"""The Salesforce side, without an org."""
