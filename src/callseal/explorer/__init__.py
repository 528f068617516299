"""The state explorer: every reachable state of a call's two legs, desk, edge and partner, and what the agent could hear in it. Pure."""
