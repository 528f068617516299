"""The desk's HTTP face: routes, errors and headers. No behaviour of payments is here."""
