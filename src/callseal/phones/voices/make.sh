#!/bin/sh
# Makes the two voices anew: speech by espeak-ng, brought to telephone sound (8 kHz, mono, 16 bit, 300-3400 Hz) by sox.
# Run it here; the files are committed, so that a phone needs neither program.
set -eu
cd "$(dirname "$0")"

voice() { # name, espeak voice, speed, pitch, text
    espeak-ng -v "$2" -s "$3" -p "$4" -w "$1.raw.wav" "$5"
    sox -R "$1.raw.wav" -b 16 -c 1 -r 8000 "$1.wav" highpass 300 lowpass 3400 norm -9 pad 0.2 0.8
    rm "$1.raw.wav"
}

voice customer en-us+f3 150 65 "Hello, I would like to pay my invoice by card, please. I have the card here, just tell me when."
voice agent en-gb 160 35 "Good morning, thank you for calling. I will secure the line now. Please use your keypad when you hear the prompt."
