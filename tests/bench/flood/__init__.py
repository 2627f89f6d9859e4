"""A flood of requests against the webhooks of the running stack, good ones and hostile ones."""
