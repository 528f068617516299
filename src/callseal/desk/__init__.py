"""HTTP service, context card and live events. Talks to adapters only through ports; never sees a digit."""
