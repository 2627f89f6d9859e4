"""Jobs, with the ports in memory."""
