"""A simulated Salesforce org for one machine: REST, Bulk, OAuth, Apex contract, outbound messages and events."""
