"""The tolerant reading of requests: what old clients really send, or the documented error."""
