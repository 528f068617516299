"""What the customer hears: 8 kHz mono mu-law, made by `make-prompts` in this folder."""
