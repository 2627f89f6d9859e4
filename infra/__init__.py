"""What runs around the application: CloudFormation, Salesforce metadata and the one-machine stack."""
