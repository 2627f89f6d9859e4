"""What every implementation of a port must do: one suite per port, run over the fake and the real adapter."""
