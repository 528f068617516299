"""Card payments on live phone calls: the digits go to the PCI partner and nowhere else."""

__version__ = "0.1.0"
