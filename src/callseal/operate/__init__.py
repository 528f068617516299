"""Operating an edge: what is wrong with it, taking it out of service, new data without a lost call, the record of a call."""
