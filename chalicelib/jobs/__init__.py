"""What runs beside a single record: batches of messages, the sweep, dead letters, installing, operators' commands."""
