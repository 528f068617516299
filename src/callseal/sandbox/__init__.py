"""The partner outside: B2BUA, capture, PSP. The only place where digits become cards."""
