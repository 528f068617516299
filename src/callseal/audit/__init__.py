"""What an observer hears and finds: received media -> digits found (counts, never the digits); canary scan."""
