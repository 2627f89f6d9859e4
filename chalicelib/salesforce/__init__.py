"""Everything that knows Salesforce: its REST API, its messages and its errors, behind the core's ports."""
