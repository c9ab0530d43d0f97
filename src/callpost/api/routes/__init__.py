"""One module per resource of /v3."""
