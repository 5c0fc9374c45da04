"""The bots among the examples, in the real libraries, against stand-ins for the chat services: `make examples`."""
