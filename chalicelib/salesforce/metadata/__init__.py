"""The metadata that an admin deploys, made from the mapping: a folder for the Salesforce CLI, the same every time."""
