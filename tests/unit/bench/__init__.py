"""What the measurements and the soak conclude, on made-up evidence."""
