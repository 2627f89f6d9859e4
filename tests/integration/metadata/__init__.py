"""The metadata that an admin deploys, as Salesforce's own library takes it."""
