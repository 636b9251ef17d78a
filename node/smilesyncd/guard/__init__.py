"""`smilesync guard`: any E1.31, Art-Net or DDP stream in, a governed one out. No circle needed."""
