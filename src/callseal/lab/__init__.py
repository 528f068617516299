"""Starts and watches every process of a deployment on one machine, by their command lines; each a context manager on its own 127.x address."""
