"""The path itself: accept, process, publish. The only place where the domains meet."""
