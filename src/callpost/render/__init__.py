"""From results to bytes: the v3 document and the caption formats; pure."""
