"""What stops a deployment."""


class DeploymentError(RuntimeError):
    """A step of a deployment was not done; the message says why, and what to do about it."""
