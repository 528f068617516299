"""The router's small agent, one an edge: durable hand-off spool, hold, media evidence. Never in the call path."""
