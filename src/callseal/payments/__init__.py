"""The domain: session table, events, commands, Money, Brand and Field names, ports. Pure."""
