"""What is known, as Prometheus text and as JSON. No I/O."""
