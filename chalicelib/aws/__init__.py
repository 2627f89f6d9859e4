"""The AWS side: the DynamoDB ledger, the SQS queues, secrets, logs and metrics."""
