"""Nothing is lost, whatever is killed with -9 whenever: proven on real processes. See `__main__`."""
