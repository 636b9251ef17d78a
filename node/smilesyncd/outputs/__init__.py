"""Where light goes beside the terminal: streams of three protocols, SPI, a recording."""
