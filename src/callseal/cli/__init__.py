"""Commands of `callseal`: one file a verb, no logic."""
