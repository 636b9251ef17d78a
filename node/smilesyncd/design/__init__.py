"""What wearers do with designs: write, check, look at, wear, share and play them."""
