"""From results to the customer: the heart of callpost."""
