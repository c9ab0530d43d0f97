"""The demonstration: callpost and a customer's AWS account on this machine, and one call from end to end."""
