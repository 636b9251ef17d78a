"""Where light goes beside the terminal: streams of three protocols, and a strip at SPI."""
