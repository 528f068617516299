"""From presses on a keypad to a card: pure, with time as an argument."""
