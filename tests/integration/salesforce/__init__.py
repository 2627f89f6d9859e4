"""The Salesforce side, over HTTP."""
