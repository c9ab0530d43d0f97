"""What is kept: PostgreSQL (rows and jobs) and the object store (recordings and reports)."""
